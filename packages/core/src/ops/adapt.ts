import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../errors.ts"
import type { AdapterTail, DenseParams, Ops } from "./ops.ts"

/**
 * `Ops.adapt`, or else the same made of `dense` and `relu`. `down` is one product over x, whose columns follow the
 * adapters' order. x: [N, T, C] → [N, T, C] for every adapter
 * Source: sd-scripts `networks/control_net_lllite.py`, `LLLiteModule.forward`.
 *
 * @throws CoreError if N is no multiple of the control images
 */
export function adapt(
  ops: Ops,
  x: Tensor3D,
  down: DenseParams,
  adapters: readonly AdapterTail[],
  strength: number,
): readonly Tensor3D[] {
  const [n] = x.shape
  for (const { share } of adapters) {
    const [count] = share.shape
    if (n % count === 0) continue
    throw new CoreError(`LLLite: ${count} control images for a batch of ${n}, expected a divisor of it`)
  }
  if (ops.adapt !== undefined) return ops.adapt(x, down, adapters, strength)
  return tf.tidy(() => {
    const joined = ops.relu(ops.dense(x, down.weight, down.bias))
    const widths = adapters.map(({ midDown }) => midDown.shape[0])
    const downs = adapters.length === 1 ? [joined] : tf.split(joined, widths, 2)
    return adapters.map(({ midDown, share, up }, i) => {
      const h = tf.add(repeated(share, n), ops.dense(downs[i] as Tensor, midDown, null))
      const delta = ops.dense(ops.relu(h), up.weight, up.bias)
      return tf.add<Tensor3D>(x, strength === 1 ? delta : tf.mul(delta, strength))
    })
  })
}

/** A control for n samples: [uncond…, cond…] each get the images in turn. */
function repeated(share: Tensor3D, n: number): Tensor {
  const [count] = share.shape
  return count === 1 || count === n ? share : tf.tile(share, [n / count, 1, 1])
}
