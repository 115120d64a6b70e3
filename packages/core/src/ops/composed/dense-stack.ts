import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkGiven } from "../../argument.ts"
import type { Ops } from "../ops.ts"

/**
 * `Ops.denseStack` by one `dense` after another. It is not faster than these, so the composed ops do not have it. It is
 * what others are tested against.
 */
export function createDenseStack(ops: Pick<Ops, "dense">): NonNullable<Ops["denseStack"]> {
  checkGiven("dense stack: the ops", ops, "dense", "createComposedOps")
  const { dense } = ops
  return (x, { weight, bias }, options = { inputGradient: true }) => {
    const [count, inner, out] = weight.shape
    return tf.tidy(() => {
      const apart = (tensor: Tensor): readonly Tensor[] => (tensor.shape[0] === 1 ? [tensor] : tf.split(tensor, count))
      const xs = apart(x)
      // WASM's product takes only a bias that was made with one axis.
      const biases = count === 1 ? [bias] : tf.split(bias, count)
      const ys = apart(weight).map((own, i) => {
        const read = tf.reshape((xs[i] ?? xs[0]) as Tensor, [-1, inner])
        return tf.reshape(dense(read, tf.reshape(own, [inner, out]), biases[i] as Tensor, options), [1, -1, out])
      })
      return (ys.length === 1 ? ys[0] : tf.concat(ys)) as Tensor3D
    })
  }
}
