import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { checkCall } from "./checked-verbs.ts"
import type { AdapterStrengths, AdapterTail, DenseParams, Ops } from "./ops.ts"

/**
 * Calls `Ops.adapt`. An ops object without it gets the same result from `dense` and `relu`. `down` is one product over
 * x, whose columns follow the adapters' order.
 * x: [N, T, C] → [N, T, C] for every adapter
 * Source: sd-scripts `networks/control_net_lllite.py`, `LLLiteModule.forward`.
 *
 * @throws CoreError if N is not a multiple of the number of control images, or strengths are not [adapters][N]
 */
export function adapt(
  ops: Ops,
  x: Tensor3D,
  down: DenseParams,
  adapters: readonly AdapterTail[],
  strengths: AdapterStrengths,
): readonly Tensor3D[] {
  checkCall("adapt", ops, x, down, adapters, strengths)
  const [n] = x.shape
  if (strengths.length !== adapters.length || strengths.some((rows) => rows.length !== n)) {
    const came = strengths.map((rows) => rows.length).join(", ")
    throw new CoreError(
      "row-count",
      `LLLite: strengths for [${came}] samples, expected ${n} for each of ${adapters.length} adapters`,
    )
  }
  for (const { share } of adapters) {
    const [count] = share.shape
    if (n % count === 0) continue
    throw new CoreError(
      "control-count",
      `LLLite: ${count} control images for a batch of ${n}. Their number must divide the batch.`,
    )
  }
  const isPlain = adapters.every(({ keep }) => keep === undefined)
  if (ops.adapt !== undefined && isPlain) return ops.adapt(x, down, adapters, strengths)
  return tf.tidy(() => {
    const joined = ops.relu(ops.dense(x, down.weight, down.bias))
    const widths = adapters.map(({ midDown }) => midDown.shape[0])
    const downs = adapters.length === 1 ? [joined] : tf.split(joined, widths, 2)
    return adapters.map(({ midDown, share, up, keep }, i) => {
      const h = tf.add(repeated(share, n), ops.dense(downs[i] as Tensor, midDown, null))
      const z = ops.relu(h)
      const delta = ops.dense(keep === undefined ? z : tf.mul(z, keep), up.weight, up.bias)
      return tf.add<Tensor3D>(x, scaled(delta, strengths[i] as readonly number[]))
    })
  })
}

/** Multiplies every sample by its strength. delta: [N, T, C] → same */
function scaled(delta: Tensor, strengths: readonly number[]): Tensor {
  const strength = commonStrength(strengths)
  if (strength === 1) return delta
  return tf.mul(delta, strength ?? tf.tensor([...strengths], [strengths.length, 1, 1]))
}

/** The strength of all samples, or null where strengths differ. */
export function commonStrength(strengths: readonly number[]): number | null {
  checkArgument("strengths", strengths, "a list of numbers")
  const [first = 1] = strengths
  return strengths.every((strength) => strength === first) ? first : null
}

/** A control for n samples: [uncond…, cond…] each get the images in order. */
function repeated(share: Tensor3D, n: number): Tensor {
  const [count] = share.shape
  return count === 1 || count === n ? share : tf.tile(share, [n / count, 1, 1])
}
