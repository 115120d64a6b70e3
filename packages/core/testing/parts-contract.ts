import * as tf from "@tensorflow/tfjs-core"
import { composedBlocks } from "../src/models/unet/block-verbs.ts"
import type { Ops } from "../src/ops/ops.ts"
import type { ContractResult } from "./ops-contract.ts"
import type { BlockAtPlace } from "./small-unet.ts"
import { checkEachBlock, relativeError } from "./small-unet.ts"

/** The latents that parts run on. */
export interface PartsCase {
  readonly batch: number
  readonly height: number
  readonly width: number
  /** The greatest relative error that is taken. */
  readonly tolerance: number
}

/** Runs of each part. A runtime may record the first ones, and run the record later. */
const RUNS = 3

/**
 * Compares `Ops.runPart` with the ops one by one, on every block of a small U-Net: forward, and the gradients at its
 * inputs and at a tap that trains. No tensor may be left behind.
 */
export async function checkParts(ops: Ops, { tolerance, ...size }: PartsCase): Promise<readonly ContractResult[]> {
  return checkEachBlock(ops, size, (place) => checkBlock(place, tolerance))
}

async function checkBlock(
  { on, block, input, gain }: BlockAtPlace,
  tolerance: number,
): Promise<readonly ContractResult[]> {
  const whole = { ...on, isWhole: true }
  const wanted = [input.x, ...(input.skip === null ? [] : [input.skip]), gain]
  const value = composedBlocks.forward(on, block, input)
  // The slope of half the sum of squares. With random slopes, the terms of the tap's one number would cancel out.
  const dy = tf.clone(value)
  const slopes = composedBlocks.back(on, block, input, dy, wanted)
  const results: ContractResult[] = []
  // What a runtime keeps of a part, it has after one run.
  let before = 0
  for (let run = 0; run < RUNS; run++) {
    if (run === 1) before = tf.memory().numTensors
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
