import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { BlockContext } from "./blocks.ts"
import { runBlock } from "./blocks.ts"
import type { UnetBlock } from "./params.ts"

/** The inputs of a block. */
export interface BlockInput {
  /** The output of the block before it. [N, H, W, C] */
  readonly x: Tensor4D
  /** The output of a block on the way down, which is joined to x on the way up. Null on the way down. [N, H, W, C'] */
  readonly skip: Tensor4D | null
}

/** A block that has run and can still run its backward pass. */
export interface KeptBlock {
  /** [N, H', W', Cout]. It stays when the block is disposed. */
  readonly y: Tensor4D
  /** See `BlockVerbs.back`. May be called once. */
  back(dy: Tensor4D, wanted: readonly Tensor[]): readonly Tensor[]
  /** Frees what was kept. */
  dispose(): void
}

/**
 * A whole block as one call forward and one call back. A runtime may offer its own (a recorded graph, one submit). Its
 * results have to equal those of `composedBlocks`; `checkBlocks` of the tests compares them. Results are new tensors,
 * which the caller disposes. Inputs stay.
 *
 * A block without layers of the tap (`tap.has`) is the same for every tap.
 */
export interface BlockVerbs {
  /** x → y. It keeps nothing. */
  forward(on: BlockContext, block: UnetBlock, input: BlockInput): Tensor4D
  /** x → y. It keeps what the backward pass needs. The inputs have to live until then. */
  keep(on: BlockContext, block: UnetBlock, input: BlockInput): KeptBlock
  /**
   * Runs the block again, then its backward pass.
   *
   * @param dy the gradient at y
   * @param wanted tensors that the block reads: x, skip, the embedding, the context, or tensors of its tap
   * @returns the gradient at each of them, of its shape
   */
  back(
    on: BlockContext,
    block: UnetBlock,
    input: BlockInput,
    dy: Tensor4D,
    wanted: readonly Tensor[],
  ): readonly Tensor[]
}

/** Blocks composed of the ops, one after another, with the tape as backward pass. They keep only the inputs. */
export const composedBlocks: BlockVerbs = {
  forward: (on, block, { x, skip }) => tf.tidy(() => runBlock(on, block, skip === null ? x : tf.concat([x, skip], 3))),
  keep: (on, block, input) => ({
    y: composedBlocks.forward(on, block, input),
    back: (dy, wanted) => composedBlocks.back(on, block, input, dy, wanted),
    dispose: () => {},
  }),
  back: (on, block, input, dy, wanted) =>
    wanted.length === 0 ? [] : tf.grads(() => composedBlocks.forward(on, block, input))([...wanted], dy),
}
