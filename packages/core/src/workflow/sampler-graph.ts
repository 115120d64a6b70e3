import { samplerInfo, spacingOf } from "../diffusion/names.ts"
import { comfyUiNames, comfyUiSampling } from "../diffusion/other-programs.ts"
import { firstSides, type HiresSampling, secondSampling } from "../generation/hires-fix.ts"
import type { BatchPlace } from "../generation/request.ts"
import { START_DEFAULTS, startSteps } from "../generation/start-picture.ts"
import { addSeeds, jsonSeed } from "../random/seed.ts"
import type { Recipe } from "../recipe/recipe.ts"
import { recipeSeed } from "../recipe/request.ts"
import type { NodeTypeName } from "./node-types.ts"
import { isDrawnAlike } from "./picture.ts"
import type { WrittenLink } from "./written-node.ts"

/** What the samplers of a graph read. */
export interface SamplerLinks {
  readonly model: WrittenLink
  /** The model without LLLites. */
  readonly bare: WrittenLink
  readonly positive: WrittenLink
  readonly negative: WrittenLink
  readonly vae: WrittenLink
}

/** Adds a node to a graph, and returns its first output. */
export type AddNode = (type: NodeTypeName, title: string, inputs: Readonly<Record<string, unknown>>) => WrittenLink

/**
 * Adds the nodes that sample a recipe's latents: from noise or from a picture, in one stage or two.
 *
 * @returns the latents of the last stage
 */
export function addSamplers(
  recipe: Recipe,
  links: SamplerLinks,
  add: AddNode,
  notice: (text: string) => void,
): WrittenLink {
  const { width, height, hires, start, steps, seed, batch = { index: 0, count: 1 } } = recipe
  const first = hires === null ? { width, height } : firstSides(recipe, hires)
  const latents =
    start === null
      ? ofBatch(add("EmptyLatentImage", "Size", { ...first, batch_size: batch.count }), batch.index, batch.count, add)
      : inBatch(startLatents(start, first, links, add, notice), batch, add)
  if (batch.count > 1 && !isDrawnAlike(first)) {
    notice("ComfyUI draws the noise of a picture out of a batch alone, which differs at this size.")
  }
  const firstSteps = hires?.steps ?? steps
  const common = { positive: links.positive, negative: links.negative }
  const whole = (latent_image: WrittenLink): WrittenLink =>
    add("KSampler", "Sampler", {
      ...{ model: links.model, seed, steps: firstSteps, cfg: recipe.guidanceScale, ...namesOf(recipe, notice) },
      ...{ ...common, latent_image, denoise: 1 },
    })
  const part = (
    model: WrittenLink,
    latent_image: WrittenLink,
    settings: Readonly<Record<string, unknown>> & { readonly steps: number },
    strength: number,
  ): WrittenLink =>
    add("KSamplerAdvanced", "Sampler of a picture", {
      ...{ model, add_noise: "enable", ...settings, ...common, latent_image },
      ...{ start_at_step: startSteps(settings.steps, { strength, stepsOffset: 0 }).level, end_at_step: 10_000 },
      return_with_leftover_noise: "disable",
    })
  if (start === null && !beginsAlike(recipe)) {
    notice(
      "ComfyUI begins with noise times √(sigma² + 1), and this picture with noise times sigma. They differ a little.",
    )
  }
  const own = { noise_seed: seed, steps: firstSteps, cfg: recipe.guidanceScale, ...namesOf(recipe, notice) }
  const sampled = start === null ? whole(latents) : part(links.model, latents, own, start.strength)
  if (hires === null) return sampled
  const settings = { ...recipe, ...secondSampling(hires) }
  const second = {
    noise_seed: jsonSeed(addSeeds(recipeSeed(recipe), hires.seedOffset ?? 1)),
    ...{ steps, cfg: settings.guidanceScale, ...namesOf(settings, notice) },
  }
  const larger = enlarged(sampled, recipe, hires.upscaler, links, add)
  // A picture that is encoded again has lost its place.
  const large = hires.upscaler === "lanczos" ? inBatch(larger, batch, add) : larger
  return part(hires.control ? links.model : links.bare, large, second, hires.strength)
}

/** The picture with this place in a batch. */
function ofBatch(samples: WrittenLink, index: number, count: number, add: AddNode): WrittenLink {
  return count === 1
    ? samples
    : add("LatentFromBatch", "Picture of the batch", { samples, batch_index: index, length: 1 })
}

/** Latents of one picture with this place in a batch. */
function inBatch(samples: WrittenLink, { index, count }: BatchPlace, add: AddNode): WrittenLink {
  if (count === 1) return samples
  return ofBatch(add("RepeatLatentBatch", "Batch", { samples, amount: count }), index, count, add)
}

function startLatents(
  { image, mask, maskChannel, maskedContent = START_DEFAULTS.maskedContent }: NonNullable<Recipe["start"]>,
  { width, height }: { readonly width: number; readonly height: number },
  { vae }: SamplerLinks,
  add: AddNode,
  notice: (text: string) => void,
): WrittenLink {
  const loaded = add("LoadImage", "Picture to start from", { image: image.path })
  const scale = { upscale_method: "lanczos", width, height, crop: "disabled" }
  const fitted = add("ImageScale", "Fit the picture", { image: loaded, ...scale })
  const encoded = (): WrittenLink => add("VAEEncode", "Encode", { pixels: fitted, vae })
  if (mask === null) return encoded()
  const loadedMask = add("LoadImageMask", "Mask", { image: mask.path, channel: maskChannel ?? "red" })
  if (maskedContent === "grey") {
    return add("VAEEncodeForInpaint", "Encode", { pixels: fitted, vae, mask: loadedMask, grow_mask_by: 0 })
  }
  if (maskedContent !== START_DEFAULTS.maskedContent) {
    notice(`ComfyUI has no node for the masked content "${maskedContent}". There it is the picture.`)
  }
  const latents = encoded()
  return add("SetLatentNoiseMask", "Where it changes", { samples: latents, mask: loadedMask })
}

function enlarged(
  latents: WrittenLink,
  { width, height }: Recipe,
  upscaler: NonNullable<Recipe["hires"]>["upscaler"],
  { vae }: SamplerLinks,
  add: AddNode,
): WrittenLink {
  const size = { width, height, crop: "disabled" }
  if (upscaler !== "lanczos") {
    const upscale_method = upscaler.replace("latents-", "")
    return add("LatentUpscale", "Enlarge", { samples: latents, upscale_method, ...size })
  }
  const image = add("VAEDecode", "Decode the first stage", { samples: latents, vae })
  const large = add("ImageScale", "Enlarge", { image, upscale_method: "lanczos", ...size })
  return add("VAEEncode", "Encode", { pixels: large, vae })
}

/** Whether a picture begins with as much noise as in ComfyUI, where ComfyUI has its sampler and its levels. */
function beginsAlike({ sampler, spacing, samplerOptions, spacingOptions }: Recipe): boolean {
  const info = samplerInfo(sampler)
  const named = info === null ? null : comfyUiNames({ sampler: info.name, spacing, samplerOptions, spacingOptions })
  if (info === null || named === null) return true
  const { startScale } = comfyUiSampling(named.sampler, named.scheduler).spacingOptions
  return (spacingOptions.startScale ?? info.startScale) === startScale
}

/** ComfyUI's names of a sampler and its levels. */
function namesOf(
  {
    sampler,
    samplerOptions = {},
    spacingOptions = {},
    ...settings
  }: Required<Pick<HiresSampling, "sampler">> & HiresSampling,
  notice: (text: string) => void,
): { readonly sampler_name: string; readonly scheduler: string } {
  const info = samplerInfo(sampler)
  const spacing = spacingOf(settings.spacing ?? "") ?? info?.spacing
  const named =
    info === null || spacing === undefined
      ? null
      : comfyUiNames({ sampler: info.name, spacing, samplerOptions, spacingOptions })
  if (named !== null) return { sampler_name: named.sampler, scheduler: named.scheduler }
  notice(`ComfyUI has no sampler that is ${sampler} with ${spacing}. The workflow has euler with normal.`)
  return { sampler_name: "euler", scheduler: "normal" }
}
