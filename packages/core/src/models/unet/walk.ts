import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import { resizeGrid } from "../resize-grid.ts"
import type { BlockInput } from "./block-verbs.ts"
import type { Shrink } from "./deep-shrink.ts"
import type { UnetBlock, UnetParams } from "./params.ts"

/** A block at its place in the walk through the U-Net. */
export interface UnetStage {
  readonly block: UnetBlock
  /** The stage whose output is its skip. Null on the way down. */
  readonly skip: number | null
}

/** Input blocks, middle, output blocks. The output blocks read the input blocks' outputs from the last to the first. */
export function unetStages(params: UnetParams): readonly UnetStage[] {
  const inputs = params.inputBlocks.length
  return [
    ...params.inputBlocks.map((block) => ({ block, skip: null })),
    { block: params.middle, skip: null },
    ...params.outputBlocks.map((block, i) => ({ block, skip: inputs - 1 - i })),
  ]
}

/** Values that are added to a U-Net from outside, for example by a ControlNet. */
export interface Residuals {
  /** Added to the skip of each input block, first to last. Null adds nothing. [N, H, W, C] */
  readonly skips: readonly (Tensor4D | null)[]
  /** Added to the output of the middle. Null adds nothing. [N, H, W, C] */
  readonly middle: Tensor4D | null
}

/**
 * The tensors of the walk by place: place 0 is the latents, place i + 1 is the output of stage i. The walk's caller
 * sets the places in order, and may free them.
 */
export interface WalkState {
  readonly places: readonly (Tensor4D | null)[]
  readonly residuals: Residuals | null
  /** Where the features shrink. Default: nowhere. */
  readonly shrink?: Shrink | null
}

/** The places that a stage reads: the place before it, and that of its skip. */
export function placesRead(
  stages: readonly UnetStage[],
  index: number,
): { readonly x: number; readonly skip: number | null } {
  const skip = stages[index]?.skip ?? null
  return { x: index, skip: skip === null ? null : skip + 1 }
}

/**
 * The inputs of a stage. The scope around tracks new tensors. On the way up, x gets the size of its skip: halving and
 * doubling does not lead back to an odd size, and features may be shrunk.
 */
export function inputOf(
  stages: readonly UnetStage[],
  index: number,
  { places, residuals, shrink = null }: WalkState,
): BlockInput {
  const { x, skip } = placesRead(stages, index)
  const at = (place: number): Tensor4D => {
    const tensor = places[place]
    if (tensor == null)
      throw new CoreError(
        "walk-place",
        `unet: stage ${index} reads place ${place}, which is not set. Run the stages in order.`,
      )
    return tensor
  }
  const isAfterMiddle = stages[index - 1]?.block.name === "middle"
  const read = plus(at(x), isAfterMiddle ? (residuals?.middle ?? null) : null)
  if (skip !== null) {
    const joined = plus(at(skip), residuals?.skips[skip - 1] ?? null)
    return { x: sizedLike(read, joined), skip: joined }
  }
  return { x: shrink?.depth === index ? shrunk(read, shrink.ratio) : read, skip: null }
}

/** Features of the size of others. x: [N, H, W, C] → [N, H', W', C] */
export function sizedLike(x: Tensor4D, { shape: [, height, width] }: Tensor4D): Tensor4D {
  const isSame = x.shape[1] === height && x.shape[2] === width
  return isSame ? x : resizeGrid(x, { height, width }, "bicubic")
}

function shrunk(x: Tensor4D, ratio: number): Tensor4D {
  const smaller = (side: number): number => Math.max(1, Math.floor(side * ratio))
  return resizeGrid(x, { height: smaller(x.shape[1]), width: smaller(x.shape[2]) }, "bicubic", 1 / ratio)
}

/** A residual has the size that the features have without shrinking. */
function plus(x: Tensor4D, residual: Tensor4D | null): Tensor4D {
  return residual === null ? x : tf.add(x, sizedLike(residual, x))
}
