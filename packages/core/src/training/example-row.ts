import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument } from "../argument.ts"
import type { SizeCondition } from "../diffusion/size-embedding.ts"
import { SIZE_EMBEDDING_DIM, sizeEmbedding } from "../diffusion/size-embedding.ts"
import { CoreError } from "../errors.ts"
import type { GreyImage, RgbImage } from "../image.ts"
import { imageToFloats } from "../image.ts"
import { checkChunks } from "../models/clip/prompt.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { runUntilStopped, type StopOptions } from "../models/steps.ts"
import { type EncodePromptOptions, encodePromptSteps } from "../models/text.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import type { VaePicture } from "../models/vae/slice-sizes.ts"
import { encodeSteps, latentsOf } from "../models/vae/vae.ts"
import { POOLED_BYTES } from "../ops/ops.ts"
import type { Seed } from "../random/seed.ts"
import type { DrawPosition } from "../random/stream.ts"
import { createStream } from "../random/stream.ts"
import type { CachedExample, EncodedText, StoredExample, TrainExample } from "./dataset.ts"

/** A picture that is still to be encoded, with the position of its draw from the posterior. */
export interface RawPicture {
  readonly image: RgbImage
  readonly draw: DrawPosition
}

/** An example as it is sent to who computes. Its picture and its caption may be encoded already. */
export interface ExampleRow {
  /** Rows of one key are the same. Null: the row comes once. */
  readonly key: string | null
  readonly width: number
  readonly height: number
  readonly picture: RawPicture | { readonly latents: Float32Array }
  readonly text: EncodedText | { readonly caption: string }
  readonly control: RgbImage
  /** The latents of the control. Null: they are still to be encoded. Default: none are read */
  readonly controlLatents?: Float32Array | null
  readonly size: SizeCondition
  readonly mask?: Float32Array
}

/** A row whose caption is still text. */
export interface CaptionedRow extends ExampleRow {
  readonly text: { readonly caption: string }
}

/** A row with nothing left to encode. */
export interface EncodedRow extends ExampleRow {
  readonly picture: { readonly latents: Float32Array }
  readonly text: EncodedText
}

export interface EncodeOptions {
  /** Seed of the draws from the posterior. */
  readonly seed: Seed
  /** Chunks of 75 tokens that are read of a caption. Default: 1. */
  readonly captionChunks?: number
  /** Whether `(word:1.2)` and its like are weights in captions. Default: false. */
  readonly weightedCaptions?: boolean
  /** The slices of rows in which the VAE encodes a picture of a size; see `chooseVaeSlices`. Default: 1. */
  readonly vaeSlices?: (picture: VaePicture) => number | Promise<number>
}

/** @throws the signal's reason when aborted, between two blocks of an encoder */
export type RowEncoder = (row: ExampleRow, stop?: StopOptions) => Promise<EncodedRow>

/** The most encoded captions that are kept. Those of SDXL take 0.6 MB each. */
const KEPT_TEXTS = 64

/**
 * Runs the VAE and the text encoders over rows. The latest captions are kept, so that a repeated one is encoded once.
 */
export function createRowEncoder(
  sdxl: Sdxl,
  { seed, vaeSlices = () => 1, captionChunks = 1, weightedCaptions = false }: EncodeOptions,
): RowEncoder {
  checkChunks(captionChunks, "captions")
  checkArgument("captions: whether weights are read", weightedCaptions, "true or false")
  const stream = createStream(seed, "posterior")
  const texts = new Map<string, EncodedText>()
  const reading = { chunks: captionChunks, isWeighted: weightedCaptions }
  const textOf = async (caption: string, stop: StopOptions): Promise<EncodedText> => {
    const text = texts.get(caption) ?? (await encodeCaption(sdxl, caption, reading, stop))
    texts.delete(caption)
    texts.set(caption, text)
    const [oldest] = texts.keys()
    if (texts.size > KEPT_TEXTS && oldest !== undefined) texts.delete(oldest)
    return text
  }
  return async (row, stop = {}) => {
    sdxl.ops.pool?.(POOLED_BYTES)
    const text = "caption" in row.text ? await textOf(row.text.caption, stop) : row.text
    const { controlLatents: known, ...rest } = row
    const controlLatents =
      known === null ? await encodePicture(sdxl, row.control, null, await vaeSlices(row.control), stop) : known
    const read = { ...rest, text, ...(controlLatents === undefined ? {} : { controlLatents }) }
    if ("latents" in row.picture) return { ...read, picture: row.picture }
    const { image, draw } = row.picture
    const pixels = (image.width / VAE_FACTOR) * (image.height / VAE_FACTOR)
    const noise = stream.normal(pixels * sdxl.vae.config.latentChannels, draw)
    const latents = await encodePicture(sdxl, image, noise, await vaeSlices(image), stop)
    return { ...read, picture: { latents } }
  }
}

/**
 * The row of an example that is the same at every step.
 *
 * @param index in the data set
 * @throws CoreError if picture and control differ in size, or a side is not a multiple of 32
 */
export function rowOf(example: TrainExample, index: number, isFlipped = false): CaptionedRow {
  checkArgument(`training: example ${index}`, example, "an object")
  return rawRow(example, rowKey(index, isFlipped), { index, step: isFlipped ? 1 : 0 })
}

/** The key of the row of an example that is the same at every step. */
export function rowKey(index: number, isFlipped: boolean): string {
  return isFlipped ? `${index} flipped` : String(index)
}

/** @param key see `ExampleRow`. @throws CoreError as {@link rowOf} */
export function rawRow(example: TrainExample, key: string | null, draw: DrawPosition): CaptionedRow {
  checkExample(example)
  return { ...commonFields(example), key, picture: { image: example.image, draw } }
}

/** Numbers of a latent of SDXL. */
const LATENT_CHANNELS = 4

/** The row of an example with latents. @throws CoreError as {@link rowOf}, or if the latents have another size */
export function storedRow(example: StoredExample, key: string): CaptionedRow {
  const { name, control, latents } = example
  checkSides(name, control)
  const values = (control.width / VAE_FACTOR) * (control.height / VAE_FACTOR) * LATENT_CHANNELS
  if (latents.length !== values) {
    throw new CoreError(
      "picture-data",
      `training: the latents of "${name}" have ${latents.length} values, expected ${values} for ${control.width}×${control.height} px.`,
    )
  }
  return { ...commonFields(example), key, picture: { latents } }
}

function commonFields({
  caption,
  control,
  size,
  mask,
}: Omit<TrainExample, "image">): Omit<CaptionedRow, "key" | "picture"> {
  const { width, height } = control
  const counted = mask === undefined ? {} : { mask: latentMask(mask) }
  return { width, height, text: { caption }, control, size, ...counted }
}

/** The example of a row, as the objective reads it. */
export function completeExample(row: EncodedRow): CachedExample {
  const { key, width, height, picture, text, control, controlLatents, size, mask } = row
  const vector = new Float32Array(text.pooled.length + SIZE_EMBEDDING_DIM)
  vector.set(text.pooled)
  vector.set(sizeEmbedding(size), text.pooled.length)
  return {
    ...{ key, width, height, latents: picture.latents, control, context: text.context, vector },
    ...(controlLatents == null ? {} : { controlLatents }),
    ...(mask === undefined ? {} : { mask }),
  }
}

/**
 * How much each latent counts: the mean of its 8 × 8 pixels, from 0 to 1. [H/8 · W/8]
 *
 * Source: sd-scripts `apply_masked_loss`, which resizes the mask by area.
 */
export function latentMask({ width, height, data }: GreyImage): Float32Array {
  const columns = width / VAE_FACTOR
  const sums = new Float32Array(columns * (height / VAE_FACTOR))
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / VAE_FACTOR) * columns
    for (let x = 0; x < width; x++) {
      const at = row + Math.floor(x / VAE_FACTOR)
      sums[at] = (sums[at] as number) + (data[y * width + x] as number)
    }
  }
  return sums.map((sum) => sum / (255 * VAE_FACTOR * VAE_FACTOR))
}

async function encodeCaption(
  sdxl: Sdxl,
  caption: string,
  reading: EncodePromptOptions,
  stop: StopOptions,
): Promise<EncodedText> {
  const { context, pooled } = await runUntilStopped(encodePromptSteps(sdxl.ops, sdxl, [caption], reading), stop)
  const values = { context: await context.data<"float32">(), pooled: await pooled.data<"float32">() }
  tf.dispose([context, pooled])
  return values
}

/** @param noise of the draw from the posterior. Null: its mean */
async function encodePicture(
  sdxl: Sdxl,
  image: RgbImage,
  noise: Float32Array | null,
  slices: number,
  stop: StopOptions,
): Promise<Float32Array> {
  const picture: Tensor4D = tf.tensor4d(imageToFloats(image), [1, image.height, image.width, 3])
  const encoding = encodeSteps(sdxl.ops, sdxl.vae, picture, { slices })
  const posterior = await runUntilStopped(encoding, stop).finally(() => picture.dispose())
  const draw = noise === null ? null : tf.tensor4d(noise, posterior.mean.shape)
  const latents = latentsOf(posterior, draw)
  const values = await latents.data<"float32">()
  tf.dispose([posterior.mean, posterior.logvar, latents, ...(draw === null ? [] : [draw])])
  sdxl.ops.trim?.()
  return values
}

function checkSides(name: string, { width, height }: { readonly width: number; readonly height: number }): void {
  if (width % 32 === 0 && height % 32 === 0) return
  throw new CoreError(
    "picture-size",
    `training: "${name}" is ${width}×${height} px, expected sides that are multiples of 32. Resize it, or let the data set fit it into a bucket.`,
  )
}

function checkExample({ name, image, control, mask }: TrainExample): void {
  checkSides(name, image)
  for (const [what, other] of Object.entries({ control, mask })) {
    if (other === undefined || (other.width === image.width && other.height === image.height)) continue
    throw new CoreError(
      "control-size",
      `training: the ${what} of "${name}" is ${other.width}×${other.height} px, the picture ${image.width}×${image.height}. Both must have one size.`,
    )
  }
}
