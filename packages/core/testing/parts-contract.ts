import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { UNKNOWN_PASS } from "../src/models/taps.ts"
import type { BlockInput } from "../src/models/unet/block-verbs.ts"
import { composedBlocks } from "../src/models/unet/block-verbs.ts"
import type { BlockContext } from "../src/models/unet/blocks.ts"
import type { UnetBlock } from "../src/models/unet/params.ts"
import { inputOf, unetStages } from "../src/models/unet/walk.ts"
import type { Ops } from "../src/ops/ops.ts"
import { disposeParams } from "../src/params.ts"
import type { ContractResult } from "./ops-contract.ts"
import { gainTap, loadSmallUnet, normal, relativeError, SMALL_UNET } from "./small-unet.ts"

/** The latents that parts run on. */
export interface PartsCase {
  readonly batch: number
  readonly height: number
  readonly width: number
  /** The greatest relative error that is taken. */
  readonly tolerance: number
}

/** Runs of each part. A runtime may record the first ones, and run the record later. */
const RUNS = 4

/**
 * Compares `Ops.runPart` with the ops one by one, on every block of a small U-Net: forward, and the gradients at its
 * inputs and at a tap that trains. No tensor may be left behind.
 */
export async function checkParts(
  ops: Ops,
  { batch, height, width, tolerance }: PartsCase,
): Promise<readonly ContractResult[]> {
  const params = await loadSmallUnet(ops)
  const { modelChannels } = SMALL_UNET.layout
  const gain = normal("gain", [1])
  const on: BlockContext = {
    ...{ ops, tap: gainTap(gain), pass: UNKNOWN_PASS, headDim: SMALL_UNET.headDim },
    embedding: normal("embedding", [batch, 4 * modelChannels]),
    context: normal("context", [batch, 5, SMALL_UNET.contextDim]),
  }
  const stages = unetStages(params)
  const places = [normal<Tensor4D>("latents", [batch, height, width, SMALL_UNET.inChannels])]
  const results: ContractResult[] = []
  for (const [index, { block }] of stages.entries()) {
    const input = inputOf(stages, index, { places, residuals: null })
    places.push(composedBlocks.forward(on, block, input))
    results.push(...(await checkBlock(on, block, input, gain, tolerance)))
  }
  tf.dispose([gain, on.embedding, on.context, ...places])
  disposeParams(params)
  return results
}

async function checkBlock(
  on: BlockContext,
  block: UnetBlock,
  input: BlockInput,
  gain: Tensor,
  tolerance: number,
): Promise<readonly ContractResult[]> {
  const whole = { ...on, isWhole: true }
  const wanted = [input.x, ...(input.skip === null ? [] : [input.skip]), gain]
  const value = composedBlocks.forward(on, block, input)
  // The slope of half the sum of squares. So the tap's slope, which is one number, is no sum of random signs.
  const dy = tf.clone(value)
  const slopes = composedBlocks.back(on, block, input, dy, wanted)
  const results: ContractResult[] = []
  // What a runtime keeps of a part, it has after two runs.
  let before = 0
  for (let run = 0; run < RUNS; run++) {
    if (run === 2) before = tf.memory().numTensors
    const got = [composedBlocks.forward(whole, block, input), ...composedBlocks.back(whole, block, input, dy, wanted)]
    const errors = await Promise.all([value, ...slopes].map((expected, i) => relativeError(got[i], expected)))
    tf.dispose(got)
    for (const [i, maxRelError] of errors.entries()) {
      const what = i === 0 ? "value" : `slope ${i}`
      const ok = maxRelError <= tolerance
      results.push({ case: `${block.name}: ${what}, run ${run}`, maxRelError, tolerance, ok })
    }
  }
  const left = tf.memory().numTensors - before
  tf.dispose([value, dy, ...slopes])
  return [...results, { case: `${block.name}: tensors left behind`, maxRelError: left, tolerance: 0, ok: left === 0 }]
}
