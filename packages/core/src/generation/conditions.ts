import type { Tensor2D, Tensor3D } from "@tensorflow/tfjs-core"
import type { SizeCondition } from "../diffusion/size-embedding.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { conditionVector, encodePrompts } from "../models/text.ts"
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
}

/** Encodes the prompts of a batch of pictures. */
export function encodeConditions(
  sdxl: Sdxl,
  requests: readonly Omit<PictureRequest, "seed">[],
  { guided, size }: ConditionOptions,
): Conditions {
  const prompts = requests.map(({ prompt }) => prompt)
  const negatives = guided ? requests.map(({ negativePrompt = "" }) => negativePrompt) : []
  const { context, pooled } = encodePrompts(sdxl.ops, sdxl, [...negatives, ...prompts])
  const vector = conditionVector(
    pooled,
    Array.from({ length: pooled.shape[0] }, () => size),
  )
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
