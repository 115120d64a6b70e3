import type { SizeCondition } from "../diffusion/size-embedding.ts"
import type { GreyImage, RgbImage } from "../image.ts"
import type { ReadingOrder, Sized } from "./batches.ts"
import type { RuledCaption } from "./captions/draw-caption.ts"

/** A caption as the U-Net reads it. */
export interface EncodedText {
  /** [tokens · contextDim]: 77 tokens, or 75 · chunks + 2 */
  readonly context: Float32Array
  /** [pooledDim] */
  readonly pooled: Float32Array
}

/** A picture with its caption and its control. Both are fitted already and have one size. */
export interface TrainExample {
  /** Its name in messages, usually the file's name. */
  readonly name: string
  readonly image: RgbImage
  readonly control: RgbImage
  readonly caption: string
  /** SDXL's condition on its size: the size before it was fitted, and the crop. */
  readonly size: SizeCondition
  /** How much each pixel counts in the loss, from 0 to 255. It has the picture's size. Default: all count alike. */
  readonly mask?: GreyImage
}

/** How an example differs from step to step. */
export interface Augmentation {
  /** Each step shows it as it is or mirrored, with equal chances. */
  readonly flips: boolean
  /** Each step reads it anew and changes it at random, so that its latents are not kept. */
  readonly varies: boolean
}

/** Random numbers of one row of one step. */
export interface ExampleDraws {
  /** Numbers in [0, 1). Each purpose has its own numbers. */
  uniform(purpose: string, count: number): Float32Array
}

/** How an example is read. */
export interface ExampleView {
  /** Mirrors picture, control and mask from left to right. */
  readonly isFlipped: boolean
  /** Choose what varies. Null: the example as it is without variation. */
  readonly draws: ExampleDraws | null
}

/** An example whose latents are kept. */
export interface StoredExample extends Omit<TrainExample, "image"> {
  /** A draw from the VAE's posterior, scaled. [H/8, W/8, 4] */
  readonly latents: Float32Array
}

/** Keeps the latents of a data set outside of memory, for example beside its pictures. */
export interface LatentStore {
  /** Whether it has usable latents of an example: one set for each way that it is shown. */
  has(index: number): Promise<boolean>
  /** @throws when it has none: `has` was false, or they went since */
  read(index: number, isFlipped: boolean): Promise<StoredExample>
  /** @param latents of the example as it is, and mirrored if it flips */
  write(index: number, latents: readonly Float32Array[]): Promise<void>
  /** What it found, one sentence each, after `has` of all examples. Default: nothing */
  notices?(): readonly string[]
}

/** Keeps encoded captions of a data set outside of memory, for example beside its pictures. */
export interface TextStore {
  /** Whether it has the text of an example. It is asked only about captions that do not change. */
  has(index: number): Promise<boolean>
  /** The text of an example. Null: it has none, or none that can be used. The caption is then encoded in its step. */
  read(index: number): Promise<EncodedText | null>
  write(index: number, text: EncodedText): Promise<void>
  /** What it found, one sentence each, after `has` of all examples. Default: nothing */
  notices?(): readonly string[]
}

/** Examples that can be read in any order and repeatedly. */
export interface TrainDataset {
  readonly count: number
  /** @param view default: as it is */
  example(index: number, view?: ExampleView): Promise<TrainExample>
  /**
   * The index of the first example that is the same as this one, which is at most `index`. A data set that shows pictures
   * several times in an epoch offers it. Then each of them is encoded once. Default: all examples differ.
   */
  readonly original?: (index: number) => number
  /**
   * The caption of an example that differs from step to step, with its rules. Null: it does not. Steps then read this
   * one instead of the example's. Default: none differs.
   */
  readonly changingCaption?: (index: number) => RuledCaption | null
  /**
   * The caption of an example that does not differ, which is known without its pictures. It is then encoded before
   * training, also where the pictures are not. Default: it is known with the example alone
   */
  readonly captionOf?: (index: number) => string
  /** The size of every example. Default: all examples are read to find it */
  readonly sizes?: readonly Sized[]
  /** Default: no example changes. */
  readonly augmentation?: (index: number) => Augmentation
  /**
   * Whether an example is read and encoded at each step that has it, and never before. Of a large data set, most examples
   * come once or twice in a run. `sizes` has to be there. Default: none is
   */
  readonly isStreamed?: (index: number) => boolean
  /** How the examples of an epoch follow each other. Default: any follows any */
  readonly reading?: ReadingOrder
  /** Where latents are kept. Default: in memory. */
  readonly latents?: LatentStore
  /** Where encoded captions are kept that do not change. Default: in memory. */
  readonly texts?: TextStore
}

/** An example with all values that are the same at every step. */
export interface CachedExample {
  /** Pixels. */
  readonly width: number
  readonly height: number
  /** A draw from the VAE's posterior, scaled. [H/8, W/8, 4] */
  readonly latents: Float32Array
  readonly control: RgbImage
  /**
   * The mean of the VAE's posterior for the control, scaled. [H/8, W/8, 4]. For an LLLite that reads latents. Default:
   * none
   */
  readonly controlLatents?: Float32Array
  /** [tokens · contextDim]: 77 tokens, or 75 · chunks + 2 */
  readonly context: Float32Array
  /** [pooledDim + SIZE_EMBEDDING_DIM] */
  readonly vector: Float32Array
  /** How much each latent counts in the loss, from 0 to 1. [H/8, W/8]. Default: all count alike. */
  readonly mask?: Float32Array
  /**
   * Examples of one key are the same, so what is made of them is kept. Null: the example comes once, and nothing is kept.
   * Default: each object is an example.
   */
  readonly key?: string | null
}
