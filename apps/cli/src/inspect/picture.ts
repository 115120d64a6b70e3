import type { AdapterRecipe, LoraReference, Recipe, TextProgram } from "@lllite/core/recipe"
import { createRecipe } from "@lllite/core/recipe"
import { readImageSize } from "@lllite/runtime-node"
import { openModelFolders } from "../generate/source/model-folders.ts"
import { readPictureFile } from "../generate/source/read-source.ts"
import { printable } from "../terminal/text.ts"

/** The result of `inspect` for a picture. `--json` prints exactly this. */
export interface PictureReport {
  readonly file: string
  readonly kind: "picture"
  /** In pixels. */
  readonly width: number
  readonly height: number
  /** The program whose words its text has. */
  readonly program: TextProgram
  /** How it was made. A workflow of ComfyUI has a recipe for each picture that it makes. */
  readonly recipes: readonly Recipe[]
  /** What of the text is not followed, one sentence each. */
  readonly notices: readonly string[]
}

/**
 * Reads how a PNG was made.
 *
 * @throws InputError when it is not a PNG; CoreError when its text has no settings, or some that cannot be followed
 */
export async function inspectPicture(file: string): Promise<PictureReport> {
  const folders = await openModelFolders({ modelsDirs: [], extraPaths: undefined, source: file })
  const { program, recipes, notices } = await readPictureFile(file, folders)
  const { width, height } = await readImageSize(file)
  return { file, kind: "picture", width, height, program, recipes: recipes.map(createRecipe), notices }
}

const PROGRAMS: Readonly<Record<TextProgram, string>> = {
  lllite: "LLLite",
  comfyui: "ComfyUI",
  a1111: "stable-diffusion-webui",
  "sd-scripts": "sd-scripts",
}

/** A report as text. */
export function pictureText({ file, width, height, program, recipes, notices }: PictureReport): string {
  const lines: readonly (readonly [name: string, value: string])[] = [
    ["file", file],
    ["kind", `picture: made by ${PROGRAMS[program]}`],
    ["size", `${width}x${height}`],
    ...recipes.flatMap((recipe, i) => [
      ...(recipes.length === 1 ? [] : [["picture", `${i + 1} of ${recipes.length}`] as const]),
      ...recipeLines(recipe),
    ]),
    ...notices.map((text) => ["note", text] as const),
  ]
  const longest = Math.max(...lines.map(([name]) => name.length))
  return lines.map(([name, value]) => `${name.padEnd(longest)}  ${printable(value)}`).join("\n")
}

function recipeLines(recipe: Recipe): readonly (readonly [name: string, value: string])[] {
  const { prompt, negativePrompt, seed, noise, batch, steps, sampler, spacing, guidanceScale, model } = recipe
  const { start, hires, tiles } = recipe
  const place = batch === undefined ? "" : `, picture ${batch.index + 1} of a batch of ${batch.count}`
  const stages = [
    ...(start === null ? [] : [`from ${start.image.path} with strength ${start.strength}`]),
    ...(hires === null ? [] : [`hires fix from ${hires.scale} with strength ${hires.strength}`]),
    ...(tiles === null ? [] : [`tiles of ${tiles.size} px`]),
  ]
  return [
    ["prompt", prompt],
    ...(negativePrompt === "" ? [] : [["negative", negativePrompt] as const]),
    ["seed", `${seed}, noise of ${noise}${place}`],
    ["steps", `${steps}, ${sampler}, ${spacing}, guidance scale ${guidanceScale}`],
    ...stages.map((text) => ["stage", text] as const),
    ["model", [model.checkpoint, model.unet, model.vae].flatMap((part) => part?.path ?? []).join(", ")],
    ...[...model.loras, ...recipe.loras].map((lora) => ["lora", loraText(lora)] as const),
    ...recipe.adapters.map((adapter) => [adapter.kind, adapterText(adapter)] as const),
  ]
}

function loraText({ file, strength, textStrength }: LoraReference): string {
  const text = textStrength === strength ? "" : `, ${textStrength} for text`
  return `${file.path}, strength ${strength}${text}`
}

function adapterText({ file, control, strength, window: { start, end } }: AdapterRecipe): string {
  const follows = control === null ? "" : `, follows ${control.file.path}`
  const part = start === 0 && end === 1 ? "" : `, from ${start} to ${end}`
  return `${file.path}, strength ${strength}${part}${follows}`
}
