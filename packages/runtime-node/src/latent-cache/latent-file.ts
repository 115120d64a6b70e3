import { join, parse } from "node:path"
import { cropCondition } from "@lllite/core/training"
import { FACTS, factsArray, factsIn } from "../npz/facts.ts"
import type { NumpyArray } from "../npz/npy.ts"

/** What latents were made of, and how. */
export interface LatentFacts {
  /** The fingerprint of the VAE's encoder. */
  readonly vae: string
  /** Bytes of the picture's file. */
  readonly bytes: number
  /** SHA-256 of the picture's file. */
  readonly sha256: string
  /** When the picture's file was changed, in milliseconds. */
  readonly changed: number
  /** How the picture was fitted: the sizes, the corner of the crop, and the kernel. */
  readonly fit: string
}

/** The fit of a picture, as a cache has to have it. */
export interface CachedFit {
  /** Width and height of the picture's file. */
  readonly original: readonly [width: number, height: number]
  /** Width and height of the training size. */
  readonly bucket: readonly [width: number, height: number]
  readonly flips: boolean
  readonly isMasked: boolean
}

/** The arrays of a file of latents. */
export type LatentArrays = ReadonlyMap<string, NumpyArray>

/** Names of arrays, each with or without the height and the width of its latents. */
const ARRAY = /^(latents|latents_flipped|original_size|crop_ltrb|alpha_mask|lllite_facts)(_\d+x\d+)?$/
/** The latents of SDXL are multiplied by this. A file has them as the VAE gives them. Source: sd-scripts. */
const SCALE = 0.13025
/** Pixels of a side that one latent stands for. */
const FACTOR = 8
const CHANNELS = 4

/**
 * The path of the file that keeps a picture's latents: `stem_0512x0768_sdxl.npz`, with the size of the picture's file.
 *
 * Source: sd-scripts `SdSdxlLatentsCachingStrategy.get_latents_npz_path`.
 */
export function latentPath(image: string, [width, height]: readonly [number, number]): string {
  const { dir, name } = parse(image)
  const digits = (side: number): string => String(side).padStart(4, "0")
  return join(dir, `${name}_${digits(width)}x${digits(height)}_sdxl.npz`)
}

/** The path that older versions of sd-scripts gave such a file: `stem.npz`. sd-scripts still reads it. */
export function formerLatentPath(image: string): string {
  const { dir, name } = parse(image)
  return join(dir, `${name}.npz`)
}

/** Whether an array of a file is one that is read. */
export function isLatentArray(name: string): boolean {
  return ARRAY.test(name)
}

/**
 * The arrays of a file of latents, as sd-scripts reads them.
 *
 * @param latents of the picture, and of the mirrored picture if it flips. [H/8, W/8, 4], scaled
 * @param mask 0 to 255 for each pixel of the training size
 * @param isSized whether names end in the size of the latents, as sd-scripts has them for models of many sizes
 */
export function latentArrays(
  latents: readonly Float32Array[],
  { original, bucket }: Pick<CachedFit, "original" | "bucket">,
  facts: LatentFacts,
  mask: Uint8Array | null,
  isSized = false,
): LatentArrays {
  const [columns, rows] = [bucket[0] / FACTOR, bucket[1] / FACTOR]
  const [plain, flipped] = latents.map((values) => ({
    shape: [CHANNELS, rows, columns],
    values: channelsFirst(values, rows * columns),
  }))
  if (plain === undefined) throw new RangeError("a file of latents needs latents")
  const ending = isSized ? sizeEnding(bucket) : ""
  const arrays: readonly (readonly [string, NumpyArray])[] = [
    ["latents", plain],
    ["original_size", { shape: [2], values: BigInt64Array.from(original, BigInt) }],
    ["crop_ltrb", { shape: [4], values: cropSides(original, bucket) }],
    ...(flipped === undefined ? [] : ([["latents_flipped", flipped]] as const)),
    ...(mask === null
      ? []
      : ([
          ["alpha_mask", { shape: [bucket[1], bucket[0]], values: Float32Array.from(mask, (a) => a / 255) }],
        ] as const)),
    [FACTS, factsArray(facts)],
  ]
  return new Map(arrays.map(([name, array]) => [name + ending, array]))
}

/** The arrays of a file that are of other training sizes. */
export function otherSizes(arrays: LatentArrays, { bucket }: Pick<CachedFit, "bucket">): LatentArrays {
  const ending = sizeEnding(bucket)
  return new Map([...arrays].filter(([name]) => /_\d+x\d+$/.test(name) && !name.endsWith(ending)))
}

/** What is wrong with a file of latents for a fit, as a clause. Null: it fits. */
export function latentProblem(arrays: LatentArrays, fit: CachedFit): string | null {
  const { original, bucket, flips, isMasked } = fit
  const [columns, rows] = [bucket[0] / FACTOR, bucket[1] / FACTOR]
  const arrayOf = (name: string): NumpyArray | undefined => sizedArray(arrays, name, bucket)
  for (const name of flips ? ["latents", "latents_flipped"] : ["latents"]) {
    const shape = arrayOf(name)?.shape
    if (shape === undefined) return `${name} is missing`
    if (shape.join() !== [CHANNELS, rows, columns].join()) {
      return `${name} is ${shape.join("x")}, expected ${CHANNELS}x${rows}x${columns}`
    }
    if (!areFinite(arrayOf(name))) return `${name} has values that are not finite`
  }
  const size = Array.from(arrayOf("original_size")?.values ?? [], Number)
  if (size.length > 0 && size.join() !== original.join()) return `it is of a picture of ${size.join("x")}`
  const crop = Array.from(arrayOf("crop_ltrb")?.values ?? [], Number)
  const expected = cropSides(original, bucket)
  if (crop.length === 4 && crop.some((side, i) => Math.abs(side - (expected[i] ?? 0)) > 1)) return "its crop is another"
  if (isMasked && arrayOf("alpha_mask")?.shape.join() !== `${bucket[1]},${bucket[0]}`)
    return "its alpha_mask is missing"
  return null
}

/** What this program wrote about a file's latents. Null: another program made it. */
export function latentFacts(arrays: LatentArrays, { bucket }: Pick<CachedFit, "bucket">): LatentFacts | null {
  return factsIn(sizedArray(arrays, FACTS, bucket), isFacts)
}

/** The latents of a file that fits. [H/8, W/8, 4], scaled */
export function latentsIn(arrays: LatentArrays, isFlipped: boolean, bucket: CachedFit["bucket"]): Float32Array {
  const values = sizedArray(arrays, isFlipped ? "latents_flipped" : "latents", bucket)?.values ?? []
  const area = values.length / CHANNELS
  const latents = new Float32Array(values.length)
  for (let channel = 0; channel < CHANNELS; channel++) {
    for (let i = 0; i < area; i++) latents[CHANNELS * i + channel] = Number(values[channel * area + i]) * SCALE
  }
  return latents
}

/** The mask of a file that has one, 0 to 255. */
export function maskIn(arrays: LatentArrays, bucket: CachedFit["bucket"]): Uint8Array {
  const values = sizedArray(arrays, "alpha_mask", bucket)?.values ?? []
  return Uint8Array.from(values as ArrayLike<number>, (value) => Math.round(255 * Math.min(1, Math.max(0, value))))
}

/** An array of one training size, whose name may end in the latents' height and width. */
function sizedArray(arrays: LatentArrays, name: string, bucket: CachedFit["bucket"]): NumpyArray | undefined {
  return arrays.get(name + sizeEnding(bucket)) ?? arrays.get(name)
}

/** The height and the width of latents, as names end in them. */
function sizeEnding([width, height]: CachedFit["bucket"]): string {
  return `_${height / FACTOR}x${width / FACTOR}`
}

/** Left, top, right and bottom of a picture that is fitted inside of its bucket. Source: sd-scripts `get_crop_ltrb`. */
function cropSides(
  [width, height]: readonly [number, number],
  [bucketWidth, bucketHeight]: readonly [number, number],
): Float64Array {
  const aspect = width / height
  const [top, left] = cropCondition([width, height], [bucketWidth, bucketHeight])
  const isTall = bucketWidth / bucketHeight > aspect
  const shown = isTall ? [bucketHeight * aspect, bucketHeight] : [bucketWidth, bucketWidth / aspect]
  return Float64Array.of(left, top, left + (shown[0] ?? 0), top + (shown[1] ?? 0))
}

function channelsFirst(latents: Float32Array, area: number): Float32Array {
  const values = new Float32Array(latents.length)
  for (let channel = 0; channel < CHANNELS; channel++) {
    for (let i = 0; i < area; i++) values[channel * area + i] = (latents[CHANNELS * i + channel] as number) / SCALE
  }
  return values
}

function areFinite(array: NumpyArray | undefined): boolean {
  return Array.from(array?.values ?? [], Number).every(Number.isFinite)
}

function isFacts(value: unknown): value is LatentFacts {
  if (typeof value !== "object" || value === null) return false
  const { vae, bytes, sha256, changed, fit } = value as Record<string, unknown>
  return [vae, sha256, fit].every((text) => typeof text === "string") && [bytes, changed].every(Number.isFinite)
}
