import { firstSides, type HiresSampling } from "../generation/hires-fix.ts"
import { jsonSeed } from "../random/seed.ts"
import type { RecipeInput } from "../recipe/recipe.ts"
import { joinPasses } from "./passes.ts"
import { comfySampler } from "./sampler-names.ts"
import type { BatchPart, ImageValue, LatentValue, Resize, SamplerRun } from "./values.ts"

/** The size of the picture with this name. Null: it is not known. */
export type SizeOf = (name: string) => Size | null

export interface Size {
  readonly width: number
  readonly height: number
}

/** What a run starts from, and in which stages: fields of its recipe. */
export interface RunStages extends Size, BatchPart, Pick<RecipeInput, "start" | "hires"> {
  readonly steps: number
  /** The run that makes the first stage, or the only one. */
  readonly first: SamplerRun
  /** The run that makes the second stage, or the only one. */
  readonly last: SamplerRun
}

/** What stages are read with. */
export interface StageReader {
  readonly sizeOf: SizeOf
  /** Is told what cannot be followed, as a clause about the run. */
  problem(text: string): void
  notice(text: string): void
}

/** Sides of latents in pixels. */
const MULTIPLE = 8

/** The stages of a run. Null: they cannot be followed. */
export function stagesOf(given: SamplerRun, reader: StageReader): RunStages | null {
  const { problem, notice } = reader
  const run = joinPasses(given, problem, notice)
  const part = partOf(run, problem)
  if (part === null) return null
  const { latents } = run
  if (latents.made === "empty") {
    const { width, height } = latents
    if (part.strength === 1) return { width, height, ...batchOf(latents), steps: part.steps, first: run, last: run }
    problem("runs a part of its steps on empty latents, which gives no picture")
    return null
  }
  const first = firstStage(latents)
  if (first !== null) return secondStage(run, first, part, reader)
  if (latents.made !== "encoded") {
    problem("starts from latents that are resized or sampled in a way that cannot be followed")
    return null
  }
  const loaded = loadedOf(latents.image)
  const size = loaded === null ? null : pixelsOf(latents.image, reader.sizeOf)
  if (loaded === null || size === null) {
    problem(
      loaded === null
        ? "starts from a picture that is changed before"
        : `starts from ${loaded}, whose size is not known`,
    )
    return null
  }
  const { mask, maskedContent } = latents
  const channel = mask === null || mask.channel === null ? {} : { maskChannel: mask.channel }
  const masked = mask === null ? {} : { mask: { path: mask.name }, ...channel }
  const content = maskedContent === undefined ? {} : { maskedContent }
  const start = { image: { path: loaded }, strength: part.strength, ...masked, ...content }
  return { ...inLatents(size), ...batchOf(latents), steps: part.steps, start, first: run, last: run }
}

/** All steps of a run, and the part of them that runs. */
interface Part {
  readonly steps: number
  readonly strength: number
}

/** The most steps that a run can have. */
const MOST_STEPS = 1000

function partOf({ addsNoise, sigmas }: SamplerRun, problem: StageReader["problem"]): Part | null {
  const { steps, first, last, isCutToZero } = sigmas
  const text =
    last <= first
      ? "runs no step"
      : !addsNoise
        ? "adds no noise to finished latents, which cannot be followed. Let it add noise, or continue a sampler that leaves noise at the step where this one starts"
        : isCutToZero === true
          ? `removes all noise at step ${last} of ${steps}, which cannot be followed. Let it return with leftover noise, or end at step ${steps}`
          : last < steps
            ? "hands on latents with noise, which gives no picture"
            : steps > MOST_STEPS
              ? `spaces ${steps} steps, expected at most ${MOST_STEPS}. A larger denoise spaces fewer`
              : null
  if (text === null) return { steps, strength: strengthOf(steps - first, steps) }
  problem(text)
  return null
}

/** The strength with which so many of all steps run. Their number is rounded down, so the quotient may be one too small. */
function strengthOf(run: number, all: number): number {
  const share = run / all
  return Math.floor(all * share) === run ? share : Math.min(1, share + Number.EPSILON)
}

/** A first stage whose result is enlarged. */
interface FirstStage {
  readonly run: SamplerRun
  /** Which pictures the second stage gets, where nodes between both say it. Null: those of the first stage. */
  readonly part: BatchPart | null
  readonly resize: Resize
  readonly upscaler: NonNullable<NonNullable<RecipeInput["hires"]>["upscaler"]>
}

function firstStage(latents: LatentValue): FirstStage | null {
  if (latents.made === "sampled")
    return { run: latents.run, part: null, resize: SAME_SIZE, upscaler: "latents-bicubic" }
  if (latents.made === "resized" && latents.latents.made === "sampled") {
    const upscaler = latents.resize.method === "bilinear" ? "latents-bilinear" : "latents-bicubic"
    return { run: latents.latents.run, part: null, resize: latents.resize, upscaler }
  }
  if (latents.made !== "encoded") return null
  const [image, resize] =
    latents.image.made === "resized" ? [latents.image.image, latents.image.resize] : [latents.image, SAME_SIZE]
  return image.made === "decoded" && image.latents.made === "sampled"
    ? { run: image.latents.run, part: latents, resize, upscaler: "lanczos" }
    : null
}

/** Where nothing is enlarged between two stages. */
const SAME_SIZE: Resize = { method: "none", factor: 1 }

function secondStage(
  run: SamplerRun,
  { run: given, part: pictures, resize, upscaler }: FirstStage,
  part: Part,
  { problem, notice }: StageReader,
): RunStages | null {
  const before = joinPasses(given, problem, notice)
  const { latents, sigmas } = before
  if (latents.made !== "empty" || sigmas.first > 0 || sigmas.last < sigmas.steps || !before.addsNoise) {
    problem("is a third stage, or its first stage starts from a picture, which cannot be followed")
    return null
  }
  if (pictures !== null && !hasSamePictures(latents, pictures)) {
    problem("gets other pictures of a batch than the stage before it, which cannot be followed")
    return null
  }
  const control = run.model.lllites.length > 0 || before.model.lllites.length === 0
  if (unlike(run, before, control)) {
    problem("has another model, prompt or control than the stage before it, which cannot be followed")
    return null
  }
  const size = upscaler === "lanczos" ? resized(latents, resize) : inLatents(resized(latents, resize))
  const scale = latents.width / size.width
  if (scale > 1 || latents.height > size.height || ("crop" in resize && resize.crop === "center")) {
    problem(
      `is enlarged from ${latents.width}x${latents.height} to ${size.width}x${size.height}, which cannot be followed`,
    )
    return null
  }
  const method = upscaler.replace("latents-", "")
  if (resize !== SAME_SIZE && resize.method !== method)
    notice(`The first stage is enlarged by ${method} instead of ${resize.method}.`)
  const seedOffset = (BigInt(run.seed) - BigInt(before.seed) + 2n ** 64n) % 2n ** 64n
  const { width, height } = inLatents(latents)
  const byScale = firstSides(size, { scale })
  const isByScale = byScale.width === width && byScale.height === height
  const sampling = samplingOf(run, before)
  return {
    ...{ ...size, ...batchOf(latents) },
    ...{ steps: part.steps, first: before, last: run },
    hires: {
      ...{ scale, steps: sigmas.steps, strength: part.strength, upscaler, control },
      seedOffset: jsonSeed(seedOffset),
      ...(isByScale ? {} : { sides: { width, height } }),
      ...(Object.keys(sampling).length === 0 ? {} : { sampling }),
    },
  }
}

/**
 * Whether a stage with its own latents gets the pictures of the stage before it, with the noise of the same places. A
 * picture that is encoded again has no place of a former batch.
 */
function hasSamePictures(before: BatchPart, encoded: BatchPart): boolean {
  const isPlain = encoded.ofBatch === 1 && before.batch === before.ofBatch
  return isPlain || (before.batch === 1 && encoded.batch === 1 && encoded.firstOfBatch === before.firstOfBatch)
}

function batchOf({ batch, firstOfBatch, ofBatch }: BatchPart): BatchPart {
  return { batch, firstOfBatch, ofBatch }
}

/** What the second of two stages samples in another way than the first. */
function samplingOf(run: SamplerRun, before: SamplerRun): HiresSampling {
  const scale = run.guidanceScale === before.guidanceScale ? {} : { guidanceScale: run.guidanceScale }
  const [second, first] = [comfySampler(run), comfySampler(before)]
  // A name that is not known is told with the run that has it.
  return JSON.stringify(second) === JSON.stringify(first) || "problem" in second ? scale : { ...scale, ...second }
}

/** Whether two stages differ in what both have in common here. */
function unlike(a: SamplerRun, b: SamplerRun, control: boolean): boolean {
  const shared = ({ model, positive, negative }: SamplerRun): string =>
    JSON.stringify([control ? model : { ...model, lllites: [] }, positive, negative])
  return shared(a) !== shared(b)
}

/** The name of a picture that is loaded, and at most stretched. */
function loadedOf(image: ImageValue): string | null {
  if (image.made === "loaded") return image.name
  const isStretched = image.made === "resized" && !("crop" in image.resize && image.resize.crop === "center")
  return isStretched ? loadedOf(image.image) : null
}

function pixelsOf(image: ImageValue, sizeOf: SizeOf): Size | null {
  if (image.made === "loaded") return sizeOf(image.name)
  if (image.made !== "resized") return null
  const { resize } = image
  const isWhole = "width" in resize && resize.width > 0 && resize.height > 0
  if (isWhole) return { width: resize.width, height: resize.height }
  const size = pixelsOf(image.image, sizeOf)
  return size === null ? null : resized(size, resize)
}

/** A size after a node. Source: ComfyUI `nodes.py`, `ImageScale`, `ImageScaleBy`, `ImageScaleToTotalPixels`. */
function resized({ width, height }: Size, resize: Resize): Size {
  if ("factor" in resize)
    return { width: Math.round(width * resize.factor), height: Math.round(height * resize.factor) }
  if ("megapixels" in resize) {
    const factor = Math.sqrt((resize.megapixels * 1024 * 1024) / (width * height))
    return { width: Math.round(width * factor), height: Math.round(height * factor) }
  }
  if (resize.width === 0 && resize.height === 0) return { width, height }
  return {
    width: resize.width === 0 ? Math.max(1, Math.round((width * resize.height) / height)) : resize.width,
    height: resize.height === 0 ? Math.max(1, Math.round((height * resize.width) / width)) : resize.height,
  }
}

/** A size in whole latents. The rest of a picture is cut. */
function inLatents({ width, height }: Size): Size {
  return { width: Math.floor(width / MULTIPLE) * MULTIPLE, height: Math.floor(height / MULTIPLE) * MULTIPLE }
}
