import { checkArgument, checkGiven } from "../argument.ts"
import { samplerInfo } from "../diffusion/names.ts"
import { isOfBrownianTree, type NamedSampling, webuiNames, webuiSampling } from "../diffusion/other-programs.ts"
import { CoreError } from "../errors.ts"
import { nameOnly } from "./files.ts"
import type { AdapterInput, AdapterRecipe, Recipe, RecipeInput } from "./recipe.ts"

/* The text that stable-diffusion-webui, Forge and others write into pictures under the keyword `parameters`. */

/** A recipe out of the text of a picture, with what is not followed, one sentence each. */
export interface TextRecipe {
  readonly recipe: RecipeInput
  readonly notices: readonly string[]
}

/** Settings that change nothing: hashes and versions, what the text has elsewhere, and what is the same here. */
const SILENT = new Set([
  ...["Model hash", "VAE hash", "Lora hashes", "TI hashes", "Hashes", "Version", "User", "Batch size", "Batch pos"],
  ...["Clip skip", "ControlNet model hash", "Civitai resources", "Civitai metadata", "Created Date", "NGMS"],
])

/** The settings that are read. */
const READ = new Set([
  ...["Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model", "VAE", "RNG", "Emphasis"],
  ...["Denoising strength", "Hires upscale", "Hires resize", "Hires steps", "Hires upscaler", "CFG Rescale"],
])

/** A setting of the last line. Its value may be quoted. */
const SETTING = /\s*([\w ./+-]+):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)/g

/** Kinds of noise by the setting RNG. The default draws on the graphics card. */
const NOISES: Readonly<Record<string, Recipe["noise"]>> = { CPU: "torch-cpu", GPU: "torch-cuda", NV: "torch-cuda" }

/**
 * Reads A1111's text. Files have the names of the text, mostly without their endings. `<lora:NAME:STRENGTH>` stays in
 * the prompt.
 *
 * @throws CoreError if the text has no settings, or one of them is wrong
 */
export function readA1111Text(text: string): TextRecipe {
  const { prompt, negativePrompt, settings } = a1111Parts(text)
  const notices: string[] = []
  const number = (name: string): number | undefined => {
    const value = settings.get(name)
    if (value === undefined) return undefined
    const read = Number(value)
    return value.trim() !== "" && Number.isFinite(read) ? read : refuse(name, value, "a number")
  }
  const steps = number("Steps")
  const size = sizeOf("Size", settings.get("Size")) ?? refuse("Size", undefined, "WIDTHxHEIGHT")
  const seed = settings.get("Seed")?.trim() ?? refuse("Seed", undefined, "a number")
  const guidanceScale = number("CFG scale")
  const [sampler, vae, rescale] = [settings.get("Sampler"), settings.get("VAE"), number("CFG Rescale")]
  const noise = settings.get("RNG") ?? "GPU"
  const adapters = [...settings].flatMap(([name, value]) => (isControl(name) ? controlOf(value, notices) : []))
  if (negativePrompt === "" && guidanceScale !== 1) {
    notices.push(
      "The negative prompt is empty. stable-diffusion-webui then gives zeros to SDXL. Here an empty text is read.",
    )
  }
  const sampling: Partial<NamedSampling> =
    sampler === undefined ? {} : webuiSampling(sampler, settings.get("Schedule type"))
  if (isOfBrownianTree(sampling.sampler ?? "")) {
    notices.push(
      `The steps of ${sampler} get other noise than in stable-diffusion-webui. The picture differs in its details.`,
    )
  }
  const stages = stagesOf(settings, size, number, notices)
  const rest = [...settings.keys()].filter((name) => !SILENT.has(name) && !READ.has(name) && !isControl(name))
  if (rest.length > 0) notices.push(`Of the picture's text, this is not followed: ${rest.join(", ")}.`)
  return {
    notices,
    recipe: {
      ...{ prompt, negativePrompt, seed, noise: NOISES[noise] ?? refuse("RNG", noise, "CPU, GPU or NV") },
      ...(steps === undefined ? {} : { steps }),
      ...(guidanceScale === undefined ? {} : { guidanceScale }),
      ...(rescale === undefined ? {} : { guidanceRescale: rescale }),
      ...sampling,
      ...(settings.get("Emphasis") === "No norm" ? { prompts: { normalization: "none" } } : {}),
      ...stages,
      model: {
        checkpoint: { path: settings.get("Model") ?? "unknown" },
        ...(vae === undefined || vae === "None" || vae === "Automatic" ? {} : { vae: { path: vae } }),
      },
      adapters,
    },
  }
}

/** A1111's text in its parts. */
export interface A1111Parts {
  readonly prompt: string
  readonly negativePrompt: string
  /** The settings of the last line by name, as text. */
  readonly settings: ReadonlyMap<string, string>
}

/**
 * The prompt, what follows `Negative prompt:`, and the last line with the settings.
 *
 * @throws CoreError if the text has no line with settings
 */
export function a1111Parts(text: string): A1111Parts {
  checkArgument("recipe: the text", text, "text")
  const lines = text.trim().split(/\r\n|\r|\n/)
  const numbered = lines.findLastIndex((line) => /^\s*Steps: \d/.test(line))
  const last = numbered < 0 ? lines.findLastIndex((line) => /^\s*Steps:/.test(line)) : numbered
  if (last < 0) {
    throw new CoreError(
      "recipe-missing",
      'recipe: "parameters" has no line that begins with "Steps:". It was cut or changed.',
    )
  }
  const settings = new Map<string, string>()
  for (const [, name = "", value = ""] of lines.slice(last).join(", ").matchAll(SETTING)) {
    settings.set(name.trim(), unquoted(value.trim()))
  }
  const before = lines.slice(0, last)
  const negative = before.findIndex((line) => line.startsWith("Negative prompt:"))
  const prompt = (negative < 0 ? before : before.slice(0, negative)).join("\n").trim()
  const rest = negative < 0 ? "" : before.slice(negative).join("\n")
  return { prompt, negativePrompt: rest.replace(/^Negative prompt:/, "").trim(), settings }
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value
  try {
    const read: unknown = JSON.parse(value)
    return typeof read === "string" ? read : value
  } catch {
    return value.slice(1, -1)
  }
}

function sizeOf(name: string, value: string | undefined): readonly [width: number, height: number] | null {
  if (value === undefined) return null
  const [, width, height] = /^\s*(\d{1,6})x(\d{1,6})\s*$/.exec(value) ?? refuse(name, value, "WIDTHxHEIGHT")
  return [Number(width), Number(height)]
}

/** The picture's size and hires fix. `Size` is that of the first stage. */
function stagesOf(
  settings: ReadonlyMap<string, string>,
  [width, height]: readonly [number, number],
  number: (name: string) => number | undefined,
  notices: string[],
): Pick<RecipeInput, "width" | "height"> & Partial<RecipeInput> {
  const resized = sizeOf("Hires resize", settings.get("Hires resize"))
  const factor = number("Hires upscale") ?? (resized === null ? undefined : resized[0] / width)
  const strength = number("Denoising strength")
  if (factor === undefined || factor <= 1) {
    if (strength !== undefined) {
      notices.push("The picture was made from another one, which its text does not name. Give that with --image_path.")
    }
    return { width, height }
  }
  const upscaler = settings.get("Hires upscaler") ?? "Latent"
  const isLatent = upscaler.startsWith("Latent")
  if (!isLatent && upscaler !== "Lanczos") {
    notices.push(`The picture was enlarged by ${upscaler}. Here it is enlarged by Lanczos.`)
  }
  const multiple = (side: number): number => Math.round(side / 8) * 8
  const [steps = 20, hiresSteps = 0] = [number("Steps"), number("Hires steps")]
  return {
    width: resized?.[0] ?? multiple(width * factor),
    height: resized?.[1] ?? multiple(height * factor),
    steps: hiresSteps === 0 ? steps : hiresSteps,
    hires: {
      ...{ scale: 1 / factor, steps, strength: strength ?? 0.75 },
      upscaler: isLatent ? (upscaler.includes("bicubic") ? "latents-bicubic" : "latents-bilinear") : "lanczos",
    },
  }
}

function isControl(name: string): boolean {
  return /^ControlNet( \d+)?$/.test(name)
}

/** A unit of sd-webui-controlnet. Its picture is not in the text. */
function controlOf(value: string, notices: string[]): readonly AdapterInput[] {
  const unit = new Map([...value.matchAll(SETTING)].map(([, name = "", each = ""]) => [name.trim(), each.trim()]))
  const model = (unit.get("Model") ?? "").replace(/ \[[0-9a-f]+\]$/, "")
  if (model === "" || model === "None") {
    notices.push("A unit of ControlNet has no model, and is left out.")
    return []
  }
  const part = (name: string, fallback: number): number => {
    const read = Number(unit.get(name) ?? fallback)
    return Number.isFinite(read) ? read : refuse(`ControlNet's ${name}`, unit.get(name), "a number")
  }
  const preprocessor = unit.get("Module") ?? "none"
  if (preprocessor.toLowerCase() !== "none") {
    notices.push(`The picture of ${model} was made by the preprocessor ${preprocessor}. Give the picture that it made.`)
  }
  const mode = unit.get("Control Mode") ?? "Balanced"
  if (mode !== "Balanced") notices.push(`${model} had the control mode ${mode}, which is not followed.`)
  return [
    {
      file: { path: model },
      control: null,
      strength: part("Weight", 1),
      window: { start: part("Guidance Start", 0), end: part("Guidance End", 1) },
    },
  ]
}

function refuse(name: string, value: string | undefined, expected: string): never {
  const came = value === undefined ? "is missing" : `is ${JSON.stringify(value.slice(0, 80))}`
  throw new CoreError("recipe-value", `recipe: ${name} of "parameters" ${came}, expected ${expected}`)
}

/** The text as A1111 would write it. What it has no words for is left out. */
export function a1111Text(recipe: Recipe): string {
  checkGiven("recipe", recipe, "model", "createRecipe")
  const { prompt, negativePrompt, steps, guidanceScale, guidanceRescale, seed, width, height, hires, model } = recipe
  const sampler = samplerInfo(recipe.sampler)?.name
  const names = sampler === undefined ? null : webuiNames({ ...recipe, sampler })
  const tags = [...model.loras, ...recipe.loras].map(({ file, strength, textStrength }) => {
    const strengths = strength === textStrength ? strength : `${textStrength}:${strength}`
    return ` <lora:${stem(file.path)}:${strengths}>`
  })
  const [first, settings] = [hires?.scale ?? 1, new Map<string, unknown>()]
  const side = (length: number): number => Math.round((length * first) / 8) * 8
  settings.set("Steps", hires === null ? steps : hires.steps)
  settings.set("Sampler", names?.sampler ?? recipe.sampler)
  settings.set("Schedule type", names?.scheduleType ?? recipe.spacing)
  settings.set("CFG scale", guidanceScale)
  settings.set("Seed", seed)
  settings.set("Size", `${side(width)}x${side(height)}`)
  settings.set("Model", stem(model.checkpoint.path))
  if (model.vae !== undefined) settings.set("VAE", nameOnly(model.vae).path)
  if (hires !== null) {
    settings.set("Denoising strength", hires.strength)
    settings.set("Hires upscale", Number((1 / first).toFixed(4)))
    settings.set("Hires steps", steps)
    settings.set("Hires upscaler", hires.upscaler === "lanczos" ? "Lanczos" : "Latent")
  } else if (recipe.start !== null) settings.set("Denoising strength", recipe.start.strength)
  if (guidanceRescale !== 0) settings.set("CFG Rescale", guidanceRescale)
  for (const [i, adapter] of recipe.adapters.entries())
    settings.set(`ControlNet ${i}`, JSON.stringify(unitText(adapter)))
  if (recipe.noise === "torch-cpu") settings.set("RNG", "CPU")
  if (recipe.prompts.normalization === "none") settings.set("Emphasis", "No norm")
  settings.set("Version", "lllite")
  const line = [...settings].map(([name, value]) => `${name}: ${value}`).join(", ")
  return [prompt + tags.join(""), ...(negativePrompt === "" ? [] : [`Negative prompt: ${negativePrompt}`]), line].join(
    "\n",
  )
}

function unitText({ file, strength, window: { start, end } }: AdapterRecipe): string {
  return `Module: none, Model: ${stem(file.path)}, Weight: ${strength}, Guidance Start: ${start}, Guidance End: ${end}, Control Mode: Balanced`
}

/** A file's name without its ending. A comma would end the setting. */
function stem(path: string): string {
  return nameOnly({ path })
    .path.replace(/\.(safetensors|ckpt|pt)$/, "")
    .replaceAll(",", " ")
}
