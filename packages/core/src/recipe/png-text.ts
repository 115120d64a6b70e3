import { checkArgument, checkArguments, checkGiven } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { jsonMistake } from "../json-mistake.ts"
import { writeWorkflow } from "../workflow/index.ts"
import { a1111Text } from "./a1111-text.ts"
import { nameOnly, shareableRecipe } from "./files.ts"
import { readRecipe } from "./read-recipe.ts"
import type { AdapterInput, AdapterRecipe, Recipe } from "./recipe.ts"
import { RECIPE_VERSION } from "./recipe.ts"

/** The recipe's keyword in the text of a picture. */
const RECIPE_KEYWORD = "lllite-recipe"

/** The keywords of adapters by their kind. */
const KEYWORDS = [
  ["lllite", "control-net-lllite"],
  ["controlnet", "control-net"],
] as const

/** Stands for the checkpoint if the text does not name it. sd-scripts does not name it. */
const UNKNOWN = "unknown"

/**
 * The text for a picture: the keywords of sd-scripts, the LLLites and ControlNets (which sd-scripts does not name), the
 * text of stable-diffusion-webui, a workflow that ComfyUI opens, and the whole recipe as JSON. File names have no
 * folders, because pictures are shared.
 *
 * @param options `workflow` is false where ComfyUI has no node that loads an adapter. Default: true
 */
export function recipeText(recipe: Recipe, options: { readonly workflow?: boolean } = {}): ReadonlyMap<string, string> {
  checkGiven("recipe", recipe, "model", "createRecipe")
  checkArgument("recipe: the options", options, "an object")
  const { workflow = true } = options
  const { prompt, negativePrompt, seed, sampler, steps, guidanceScale, size, negativeSize, model, adapters } = recipe
  const { negativeScale } = recipe
  const text = new Map([
    ["prompt", prompt],
    ["seed", String(seed)],
    ["sampler", sampler],
    ["steps", String(steps)],
    ["scale", String(guidanceScale)],
    ["negative-prompt", negativePrompt],
    ["original-height", String(size.original[0])],
    ["original-width", String(size.original[1])],
    ["crop-top", String(size.crop[0])],
    ["crop-left", String(size.crop[1])],
    ["checkpoint", nameOnly(model.checkpoint).path],
  ])
  if (negativeScale !== null) text.set("negative-scale", String(negativeScale))
  if (negativeSize.original.join() !== size.original.join()) {
    text.set("original-height-negative", String(negativeSize.original[0]))
    text.set("original-width-negative", String(negativeSize.original[1]))
  }
  if (model.unet !== undefined) text.set("unet", nameOnly(model.unet).path)
  if (model.vae !== undefined) text.set("vae", nameOnly(model.vae).path)
  for (const [kind, keyword] of KEYWORDS) {
    const uses = adapters.filter((adapter) => adapter.kind === kind)
    if (uses.length > 0) text.set(keyword, uses.map(adapterText).join("; "))
  }
  const shared = shareableRecipe(recipe)
  text.set("parameters", a1111Text(shared))
  if (workflow) text.set("workflow", JSON.stringify(writeWorkflow(shared).ui))
  return text.set(RECIPE_KEYWORD, JSON.stringify(shared))
}

function adapterText({ file, strength, window: { start, end } }: AdapterRecipe): string {
  return `${nameOnly(file).path} strength ${strength}${start === 0 ? "" : ` start ${start}`} end ${end}`
}

/**
 * The recipe in the text of a picture. If the text has no whole recipe, sd-scripts' keywords give it. Missing fields
 * then have their defaults, and controls of LLLites are null.
 *
 * @param picture size of the picture in pixels, which sd-scripts' keywords do not have
 * @throws CoreError if the text has no settings, or for a wrong field, with its name
 */
export function readRecipeText(
  text: ReadonlyMap<string, string>,
  picture: { readonly width: number; readonly height: number },
): Recipe {
  checkArgument("recipe: the text", text, "a Map")
  checkArgument("recipe: the picture", picture, "an object")
  checkArguments("recipe: the picture", "a finite number", { width: picture.width, height: picture.height })
  const whole = text.get(RECIPE_KEYWORD)
  if (whole !== undefined) return readRecipe(parseJson(whole))
  const needed = (keyword: string): string => {
    const value = text.get(keyword)
    if (value === undefined) {
      throw new CoreError(
        "recipe-missing",
        `recipe: the text of the picture has no "${keyword}". It holds no settings of LLLite, sd-scripts, ComfyUI or stable-diffusion-webui, or they were removed.`,
      )
    }
    return value
  }
  const { width, height } = picture
  // sd-scripts writes Python's None for a size that was not given.
  const number = (keyword: string, fallback: number): number => {
    const value = text.get(keyword)
    return value === undefined || value === "None" ? fallback : Number(value)
  }
  const file = (keyword: "unet" | "vae") => {
    const path = text.get(keyword)
    return path === undefined ? {} : { [keyword]: { path } }
  }
  const [sampler, steps, scale] = [text.get("sampler"), text.get("steps"), text.get("scale")]
  const negativeScale = text.get("negative-scale")
  const original = [number("original-height", height), number("original-width", width)] as const
  const negative = [number("original-height-negative", original[0]), number("original-width-negative", original[1])]
  const rest = { crop: [number("crop-top", 0), number("crop-left", 0)], target: [height, width] }
  return readRecipe({
    version: RECIPE_VERSION,
    prompt: needed("prompt"),
    negativePrompt: text.get("negative-prompt") ?? "",
    seed: needed("seed"),
    width,
    height,
    size: { original, ...rest },
    negativeSize: { original: negative, ...rest },
    // sd-scripts draws noise on the graphics card. Its text does not name the checkpoint.
    ...(text.has("checkpoint") ? {} : { noise: "torch-cuda" }),
    ...(sampler === undefined ? {} : { sampler }),
    ...(steps === undefined ? {} : { steps: Number(steps) }),
    ...(scale === undefined ? {} : { guidanceScale: Number(scale) }),
    ...(negativeScale === undefined || negativeScale === "None" ? {} : { negativeScale: Number(negativeScale) }),
    model: { checkpoint: { path: text.get("checkpoint") ?? UNKNOWN }, ...file("unet"), ...file("vae") },
    adapters: KEYWORDS.flatMap(([kind, keyword]) => adaptersOf(kind, keyword, text.get(keyword) ?? "")),
  })
}

/** Reads adapters from the text of `adapterText`. */
function adaptersOf(kind: AdapterRecipe["kind"], keyword: string, text: string): readonly AdapterInput[] {
  if (text === "") return []
  // Names may contain "; ", so an entry ends after its numbers.
  const uses = [...text.matchAll(/(.+?) strength (\S+?)(?: start (\S+?))? end ([^\s;]+)(?:; |$)/g)]
  if (uses.map(([use]) => use).join("") !== text) {
    throw new CoreError(
      "recipe-syntax",
      `recipe: "${keyword}" is ${JSON.stringify(text)}, expected NAME strength X end Y`,
    )
  }
  return uses.map(([, path = "", strength, start = "0", end]) => ({
    kind,
    file: { path },
    strength: Number(strength),
    window: { start: Number(start), end: Number(end) },
  }))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const place = jsonMistake(text)
    throw new CoreError("recipe-syntax", `recipe: "${RECIPE_KEYWORD}" of the picture is not JSON, ${place}`)
  }
}
