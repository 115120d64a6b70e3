import type { Tensor2D, Tensor3D } from "@tensorflow/tfjs-core"
import type { SizeCondition } from "../diffusion/size-embedding.ts"
import type { Tokenizer } from "../models/clip/tokenizer.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { runAtOnce, type Steps } from "../models/steps.ts"
import type { Tap } from "../models/taps.ts"
import { conditionVector, countChunks, encodeWeightedPromptSteps } from "../models/text.ts"
import type { PromptOptions } from "../prompt/options.ts"
import type { PictureRequest } from "./request.ts"

/** The U-Net's conditions for a batch of pictures. The caller disposes them. */
export interface Conditions {
  readonly pictures: number
  /** Whether the rows are doubled, with all negative prompts first, then the prompts. */
  readonly guided: boolean
  /** [rows, tokens, contextDim] */
  readonly context: Tensor3D
  /** Pooled text and sizes. [rows, vectorDim] */
  readonly vector: Tensor2D
  dispose(): void
}

export interface ConditionOptions {
  /** Whether negative prompts are encoded, which guidance needs. */
  readonly guided: boolean
  readonly size: SizeCondition
  /** The same for the negative prompts. Default: `size`. */
  readonly negativeSize?: SizeCondition | undefined
  /** How prompts are read. */
  readonly prompts?: PromptOptions
  /** The tap of both text encoders. Default: no tap. */
  readonly tap?: Tap
}

/**
 * The number of chunks of 75 tokens that a picture's prompts need. A picture in a batch is the same as alone if all of
 * the batch need the same number.
 */
export function chunksNeeded(
  tokenizer: Tokenizer,
  { prompt, negativePrompt = "" }: Pick<PictureRequest, "prompt" | "negativePrompt">,
  { guided, prompts }: Pick<ConditionOptions, "guided" | "prompts">,
): number {
  return Math.max(...[prompt, ...(guided ? [negativePrompt] : [])].map((text) => countChunks(tokenizer, text, prompts)))
}

/**
 * Encodes the prompts of a batch of N pictures, and their size. All get as many chunks of tokens as the longest needs.
 * With guidance there are 2N rows, the unconditional ones first. The caller disposes the result.
 */
export function encodeConditions(
  sdxl: Sdxl,
  requests: readonly Omit<PictureRequest, "seed">[],
  options: ConditionOptions,
): Conditions {
  return runAtOnce(encodeConditionSteps(sdxl, requests, options))
}

/** Encodes conditions as `encodeConditions` does, in steps. A step is a layer of a text encoder. */
export function* encodeConditionSteps(
  sdxl: Sdxl,
  requests: readonly Omit<PictureRequest, "seed">[],
  { guided, size, negativeSize = size, prompts: promptOptions = {}, tap }: ConditionOptions,
): Steps<Conditions> {
  const prompts = requests.map(({ prompt }) => prompt)
  const negatives = guided ? requests.map(({ negativePrompt = "" }) => negativePrompt) : []
  const texts = [...negatives, ...prompts]
  const textOptions = { ...promptOptions, ...(tap === undefined ? {} : { tap }) }
  const { context, pooled } = yield* encodeWeightedPromptSteps(sdxl.ops, sdxl, texts, textOptions)
  const vector = conditionVector(pooled, [...negatives.map(() => negativeSize), ...prompts.map(() => size)])
  pooled.dispose()
  return {
    pictures: requests.length,
    guided,
    context,
    vector,
    dispose() {
      context.dispose()
      vector.dispose()
    },
  }
}
