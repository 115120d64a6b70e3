import type { TrainDataset } from "@lllite/core/training"
import type { TrainSettings } from "../settings.ts"
import type { TrainingSet } from "../validation/hold-out.ts"

/** Bytes of a data set that is encoded. */
export interface ExampleBytes {
  /** At most at the same time, with the patches of controls. */
  readonly memory: number
  /** Files of latents and encoded captions. */
  readonly disk: number
}

/** Widths of the text that the U-Net reads. */
interface TextWidths {
  readonly contextDim: number
  readonly pooledDim: number
}

type CacheSettings = Pick<
  TrainSettings,
  "captionChunks" | "cacheLatentsToDisk" | "cacheTextEncoderOutputsToDisk" | "validation"
> & {
  /** Whether the LLLite reads latents of controls. Default: false */
  readonly readsControlLatents?: boolean
}

/** Tokens of a chunk, without the start and the end of all. */
const CHUNK_TOKENS = 75

/** A run keeps patches of controls from step to step, in at most this much memory; see core's `createExampleMemo`. */
const MEMO_BYTES = 128 * 2 ** 20

/** Channels of a latent, and pixels of a side that it stands for. */
const [CHANNELS, FACTOR] = [4, 8]

/** Bytes of a float. Files have floats, too. */
const FLOAT = 4

/**
 * Bytes that the examples of a run take. In memory are the latents and the controls of pictures that do not vary, each
 * caption once, and the held-out pairs that are measured. What caches on the disk have is not kept in memory.
 *
 * @param most the most bytes of encoded examples that training keeps in memory
 */
export function planExamples(
  dataset: TrainingSet,
  settings: CacheSettings,
  { contextDim, pooledDim }: TextWidths,
  most: number,
): ExampleBytes {
  const { cacheLatentsToDisk: latentFiles, cacheTextEncoderOutputsToDisk: textFiles, validation } = settings
  const { readsControlLatents = false } = settings
  const text = FLOAT * ((CHUNK_TOKENS * settings.captionChunks + 2) * contextDim + pooledDim)
  const captions = new Set<string>()
  let [pictures, latents, controls] = [0, 0, 0]
  let largest = 0
  for (const [index, { width, height }] of dataset.sizes.entries()) {
    if ((dataset.original?.(index) ?? index) !== index) continue
    pictures += 1
    largest = Math.max(largest, width * height)
    // Nothing of them is kept.
    if (dataset.isStreamed?.(index) === true) continue
    if (dataset.changingCaption?.(index) == null) captions.add(dataset.captionOf?.(index) ?? String(index))
    const { flips, varies } = dataset.augmentation?.(index) ?? { flips: false, varies: false }
    if (varies) continue
    const ways = flips ? 2 : 1
    latents += ways * latentBytes(width * height)
    controls += ways * 3 * width * height
  }
  // Latents of controls are never in files.
  const ofControls = readsControlLatents ? latents : 0
  const kept = (latentFiles ? 0 : latents + controls) + ofControls + (textFiles ? 0 : captions.size * text)
  const measured = measuredPairs(dataset.heldOut, validation.mostPairs)
  const pair = (readsControlLatents ? 2 : 1) * latentBytes(largest) + 3 * largest + text
  return {
    memory: Math.min(most, kept) + measured * pair + Math.min(MEMO_BYTES, pictures * 2 * FLOAT * 3 * largest),
    disk: (latentFiles ? latents : 0) + (textFiles ? pictures * text : 0),
  }
}

function latentBytes(pixels: number): number {
  return (FLOAT * CHANNELS * pixels) / FACTOR ** 2
}

function measuredPairs(heldOut: TrainDataset | null, most: number | null): number {
  const { count = 0 } = heldOut ?? {}
  return Math.min(count, most ?? count)
}
