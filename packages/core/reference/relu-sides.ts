import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Ops } from "../src/ops/ops.ts"

/*
 * The slope of a ReLU is 0 below zero and 1 above. An input that is nearer to zero than the error of float32 lies on
 * either side, and the gradients of both sides are right. They differ by up to 5e-3.
 */

/** An input of a ReLU near zero: the number of the ReLU in a run, and the index in its input. */
export interface NearZero {
  readonly call: number
  readonly index: number
  readonly value: number
}

/** Inputs of a tiny U-Net's adapters differ from float64 by up to 2.7e-6 of the largest one, on every backend. */
const ERROR = 3e-6

/** Runs with ops that find the inputs of ReLUs within the error of zero, the nearest first. */
export async function findNearZero(ops: Ops, run: (ops: Ops) => Promise<unknown>): Promise<readonly NearZero[]> {
  const inputs: Tensor[] = []
  await run({
    ...composedAdapters(ops),
    relu(x) {
      inputs.push(tf.keep(x.clone()))
      return ops.relu(x)
    },
  })
  const found: (NearZero & { readonly share: number })[] = []
  for (const [call, input] of inputs.entries()) {
    const values = await input.data<"float32">()
    input.dispose()
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    values.forEach((value, index) => {
      const share = Math.abs(value) / largest
      if (share < ERROR) found.push({ call, index, value, share })
    })
  }
  return found.sort((a, b) => a.share - b.share)
}

/** Ops whose ReLU takes the other side at one input. */
export function otherSide(ops: Ops, { call, index, value }: NearZero): Ops {
  let calls = 0
  return {
    ...composedAdapters(ops),
    relu(x) {
      if (calls++ !== call) return ops.relu(x)
      const move = new Float32Array(x.size)
      // A zero is on the lower side.
      move[index] = value === 0 ? 1e-30 : -2 * value
      return tf.tidy(() => ops.relu(tf.add(x, tf.tensor(move, x.shape))))
    },
  }
}

/** Ops without the verbs that join adapters or their layers, so that every ReLU is a call of its own. */
function composedAdapters(ops: Ops): Ops {
  const { adapt: _, adaptGroup: _group, denseStack: _stack, runPart: _part, ...single } = ops
  return single
}
