import { resolve } from "node:path"
import type { ImageSize } from "@lllite/runtime-node"

/** What `dataset.toml` says. */
export interface DatasetFile {
  readonly imageDir: string
  readonly controlDir: string
  readonly captionExtension: string
  readonly batchSize: number
  readonly repeats: number
  readonly fit: TrainingSize
  /** The preprocessor, as `--control_net_preps` reads it. */
  readonly prep: string
}

/** The size that pictures are trained at. */
export interface TrainingSize {
  /** Width and height in pixels. */
  readonly resolution: readonly [number, number]
  /** Null: all pictures have the resolution. */
  readonly buckets: { readonly min: number; readonly max: number; readonly step: number } | null
}

/** SDXL's side in pixels. */
const SIDE = 1024
/** Pictures of one size and of no more pixels are trained as they are. */
const MOST_PIXELS = 1.1 * SIDE * SIDE
/** Sides that an LLLite can be trained at are multiples of this. */
const MULTIPLE = 32

/**
 * The size for training pictures of some sizes. Without a resolution, it is that of the pictures: the middle one, and at
 * most 1024 x 1024. Pictures of one size need no buckets.
 *
 * @param sizes of all pictures, at least one
 * @param resolution the one that was asked for
 */
export function trainingSize(
  sizes: readonly ImageSize[],
  resolution: readonly [number, number] | undefined,
): TrainingSize {
  const [first = { width: SIDE, height: SIDE }] = sizes
  const { width, height } = first
  const isOne = sizes.every((size) => size.width === width && size.height === height)
  const isWhole = width % MULTIPLE === 0 && height % MULTIPLE === 0
  const isAsked = resolution === undefined || (resolution[0] === width && resolution[1] === height)
  if (isOne && isWhole && isAsked && width * height <= MOST_PIXELS)
    return { resolution: [width, height], buckets: null }
  const areas = sizes.map((size) => size.width * size.height).toSorted((a, b) => a - b)
  const middle = Math.sqrt(areas[Math.floor(areas.length / 2)] ?? SIDE * SIDE)
  const own = Math.max(MULTIPLE, floorTo(Math.min(SIDE, middle), middle >= 256 ? 64 : MULTIPLE))
  const asked = resolution ?? ([own, own] as const)
  const [shortest, longest] = [Math.min(...asked), Math.max(...asked)]
  const step = shortest >= 256 ? 64 : MULTIPLE
  return {
    resolution: asked,
    buckets: { min: Math.max(step, floorTo(shortest / 2, step)), max: Math.ceil((2 * longest) / step) * step, step },
  }
}

function floorTo(value: number, step: number): number {
  return Math.floor(value / step) * step
}

/** The text of `dataset.toml`, in sd-scripts' form. Its folders are absolute, so that it can be used from everywhere. */
export function datasetToml({ fit, prep, ...file }: DatasetFile): string {
  const { resolution, buckets } = fit
  const lines = [
    "# Made by lllite dataset make. If the folders move, correct image_dir and conditioning_data_dir.",
    `# To draw with an LLLite of these controls: --control_net_preps ${text(prep)}`,
    "[general]",
    `resolution = ${resolution[0] === resolution[1] ? resolution[0] : `[${resolution.join(", ")}]`}`,
    `enable_bucket = ${buckets !== null}`,
    ...(buckets === null
      ? []
      : [
          `min_bucket_reso = ${buckets.min}`,
          `max_bucket_reso = ${buckets.max}`,
          `bucket_reso_steps = ${buckets.step}`,
        ]),
    `caption_extension = ${text(file.captionExtension)}`,
    "",
    "[[datasets]]",
    `batch_size = ${file.batchSize}`,
    "",
    "[[datasets.subsets]]",
    `image_dir = ${text(resolve(file.imageDir))}`,
    `conditioning_data_dir = ${text(resolve(file.controlDir))}`,
    `num_repeats = ${file.repeats}`,
  ]
  return `${lines.join("\n")}\n`
}

/** A text in TOML. Its escapes are those of JSON, but for the character 127. */
function text(value: string): string {
  return JSON.stringify(value).replaceAll("\u007f", "\\u007f")
}
