import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { BlockContext } from "./blocks.ts"
import { runBlock } from "./blocks.ts"
import type { UnetBlock } from "./params.ts"

/** What flows into a block. */
export interface BlockInput {
  /** What the block before it left. [N, H, W, C] */
  readonly x: Tensor4D
  /** What a block on the way down left, joined to x on the way up; null where nothing is. [N, H, W, C'] */
  readonly skip: Tensor4D | null
}

/** A block that was run and can still be gone back through. */
export interface KeptBlock {
  /** [N, H', W', Cout]. Stays when the block is disposed. */
  readonly y: Tensor4D
  /** See `BlockVerbs.back`. May be called once. */
  back(dy: Tensor4D, wanted: readonly Tensor[]): readonly Tensor[]
  /** Frees what was kept. */
  dispose(): void
}

/**
 * A whole block as one verb each way. A runtime may offer its own (a recorded graph, one submit), which has to give
 * what `composedBlocks` gives; `checkBlocks` of the tests holds them side by side. Tensors that come back are new and
 * the caller's; inputs stay.
 *
 * A block whose layers the tap does not know (`tap.has`) is the same for every tap.
 */
export interface BlockVerbs {
  /** x → y, and keeps nothing. */
  forward(on: BlockContext, block: UnetBlock, input: BlockInput): Tensor4D
  /** x → y, and keeps what the way back needs. The inputs have to live until then. */
  keep(on: BlockContext, block: UnetBlock, input: BlockInput): KeptBlock
  /**
   * Runs the block again and goes back through it.
   *
   * @param dy the slope at y
   * @param wanted tensors that the block reads: x, skip, the embedding, the context, or leaves of its tap
   * @returns the slope at each of them, of its shape
   */
  back(
    on: BlockContext,
    block: UnetBlock,
    input: BlockInput,
    dy: Tensor4D,
    wanted: readonly Tensor[],
  ): readonly Tensor[]
}

/** Blocks composed of the ops, one after another; the way back is the tape's. Keeps the inputs and nothing else. */
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
