import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { SizeCondition } from "../diffusion/size-embedding.ts"
import { SIZE_EMBEDDING_DIM, sizeEmbedding } from "../diffusion/size-embedding.ts"
import { CoreError } from "../errors.ts"
import type { RgbImage } from "../image.ts"
import { imageToFloats } from "../image.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { runUntilStopped, type StopOptions } from "../models/steps.ts"
import { encodePromptSteps } from "../models/text.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import type { VaePicture } from "../models/vae/slice-sizes.ts"
import { encodeSteps, latentsOf } from "../models/vae/vae.ts"
import type { Seed } from "../random/seed.ts"
import { createStream } from "../random/stream.ts"

/** A picture with its caption and its control. Both are fitted already and have one size. */
export interface TrainExample {
  /** Its name in messages, usually the file's name. */
  readonly name: string
  readonly image: RgbImage
  readonly control: RgbImage
  readonly caption: string
  /** SDXL's condition on its size: the size before it was fitted, and the crop. */
  readonly size: SizeCondition
}

/** Examples that can be read in any order and repeatedly. */
export interface TrainDataset {
  readonly count: number
  example(index: number): Promise<TrainExample>
  /**
   * The index of the first example that is the same as this one, which is at most `index`. A data set that shows pictures
   * several times in an epoch offers it. Then each of them is encoded once. Default: all examples differ.
   */
  readonly original?: (index: number) => number
}

/** Examples that are the same, by the index of the first. */
export interface SameExamples {
  readonly first: number
  readonly indexes: readonly number[]
}

/** The different examples of a data set, in order. @throws CoreError when `original` gives no earlier index */
export function distinctExamples({ count, original = (index) => index }: TrainDataset): readonly SameExamples[] {
  const groups = new Map<number, number[]>()
  for (let index = 0; index < count; index++) {
    const first = original(index)
    const group = groups.get(first)
    if (group !== undefined) group.push(index)
    else if (first === index) groups.set(first, [index])
    else {
      throw new CoreError(
        "index-range",
        `training: the original of example ${index} is ${first}, expected ${index} or the first index of the same example.`,
      )
    }
  }
  return [...groups].map(([first, indexes]) => ({ first, indexes }))
}

/** An example with all values that are the same at every step. */
export interface CachedExample {
  /** Pixels. */
  readonly width: number
  readonly height: number
  /** A draw from the VAE's posterior, scaled. [H/8, W/8, 4] */
  readonly latents: Float32Array
  readonly control: RgbImage
  /** [tokens · contextDim]: 77 tokens, or 75 · chunks + 2 */
  readonly context: Float32Array
  /** [pooledDim + SIZE_EMBEDDING_DIM] */
  readonly vector: Float32Array
}

export interface CacheProgress {
  readonly done: number
  readonly count: number
}

export interface CacheOptions {
  /** Seed of the draws from the posterior. */
  readonly seed: Seed
  /** Chunks of 75 tokens that are read of a caption. Default: 1. */
  readonly captionChunks?: number
  /** The slices of rows in which the VAE encodes a picture of a size; see `chooseVaeSlices`. Default: 1. */
  readonly vaeSlices?: (picture: VaePicture) => number | Promise<number>
  readonly signal?: AbortSignal
}

/**
 * Computes the cached example of an example, which has an index in the data set.
 *
 * @throws the signal's reason when aborted, between two blocks of the encoder
 */
export type CacheExample = (example: TrainExample, index: number, stop?: StopOptions) => Promise<CachedExample>

/**
 * Runs the VAE and the text encoders over examples, so that training needs neither. A repeated caption is encoded once.
 *
 * @throws CoreError (from the function) if picture and control differ in size, or a side is not a multiple of 32
 */
export function createExampleCache(
  sdxl: Sdxl,
  { seed, vaeSlices = () => 1, captionChunks = 1 }: Omit<CacheOptions, "signal">,
): CacheExample {
  const stream = createStream(seed, "posterior")
  const texts = new Map<string, TextValues>()
  return async (example, index, stop = {}) => {
    checkExample(example)
    const { image, control, caption } = example
    const text = texts.get(caption) ?? (await encodeCaption(sdxl, caption, captionChunks, stop))
    texts.set(caption, text)
    const vector = new Float32Array(text.pooled.length + SIZE_EMBEDDING_DIM)
    vector.set(text.pooled)
    vector.set(sizeEmbedding(example.size), text.pooled.length)
    const pixels = (image.width / VAE_FACTOR) * (image.height / VAE_FACTOR)
    const noise = stream.normal(pixels * sdxl.vae.config.latentChannels, { index })
    const latents = await encodePicture(sdxl, image, noise, await vaeSlices(image), stop)
    return { width: image.width, height: image.height, latents, control, context: text.context, vector }
  }
}

/**
 * Caches a whole data set. It checks every example, before the first step.
 *
 * @returns a generator that yields its progress and returns the cached examples
 * @throws CoreError for an empty data set, and for the examples that {@link createExampleCache} refuses
 */
export async function* cacheDataset(
  sdxl: Sdxl,
  dataset: TrainDataset,
  { signal, ...options }: CacheOptions,
): AsyncGenerator<CacheProgress, CachedExample[], void> {
  if (dataset.count < 1)
    throw new CoreError("dataset-empty", "training: the data set is empty. Give it at least one pair of pictures.")
  const cache = createExampleCache(sdxl, options)
  const cached: CachedExample[] = []
  let done = 0
  for (const { first, indexes } of distinctExamples(dataset)) {
    signal?.throwIfAborted()
    const example = await cache(await dataset.example(first), first, signal === undefined ? {} : { signal })
    for (const index of indexes) cached[index] = example
    done += indexes.length
    yield { done, count: dataset.count }
  }
  sdxl.ops.trim?.()
  return cached
}

interface TextValues {
  readonly context: Float32Array
  readonly pooled: Float32Array
}

async function encodeCaption(sdxl: Sdxl, caption: string, chunks: number, stop: StopOptions): Promise<TextValues> {
  const { context, pooled } = await runUntilStopped(encodePromptSteps(sdxl.ops, sdxl, [caption], { chunks }), stop)
  const values = { context: await context.data<"float32">(), pooled: await pooled.data<"float32">() }
  tf.dispose([context, pooled])
  return values
}

async function encodePicture(
  sdxl: Sdxl,
  image: RgbImage,
  noise: Float32Array,
  slices: number,
  stop: StopOptions,
): Promise<Float32Array> {
  const picture: Tensor4D = tf.tensor4d(imageToFloats(image), [1, image.height, image.width, 3])
  const encoding = encodeSteps(sdxl.ops, sdxl.vae, picture, { slices })
  const posterior = await runUntilStopped(encoding, stop).finally(() => picture.dispose())
  const draw = tf.tensor4d(noise, posterior.mean.shape)
  const latents = latentsOf(posterior, draw)
  const values = await latents.data<"float32">()
  tf.dispose([posterior.mean, posterior.logvar, draw, latents])
  sdxl.ops.trim?.()
  return values
}

function checkExample({ name, image, control }: TrainExample): void {
  if (image.width % 32 !== 0 || image.height % 32 !== 0) {
    throw new CoreError(
      "picture-size",
      `training: "${name}" is ${image.width}×${image.height} px, expected sides that are multiples of 32. Resize it, or let the data set fit it into a bucket.`,
    )
  }
  if (control.width !== image.width || control.height !== image.height) {
    throw new CoreError(
      "control-size",
      `training: the control of "${name}" is ${control.width}×${control.height} px, the picture ${image.width}×${image.height}. Both must have one size.`,
    )
  }
}
