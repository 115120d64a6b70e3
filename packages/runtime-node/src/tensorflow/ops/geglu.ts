import type { Ops } from "@lllite/core/ops"
import { vjp } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"

/**
 * The first half times GELU of the second half, Shazeer 2020. h: [..., 2·C] → [..., C]. Only `h` is saved for the
 * gradient. It is the widest tensor of a block. The rest is computed again, which costs less than holding it.
 */
export const geglu: Ops["geglu"] = (h) =>
  vjp([h], () => {
    const [value, gate] = tf.split(h, 2, -1) as [Tensor, Tensor]
    return {
      value: tf.mul(value, tf.mul(gate, normalCdf(gate))),
      saved: [h],
      gradients: (dy, [h]) => {
        const [value, gate] = tf.split(h, 2, -1) as [Tensor, Tensor]
        const cdf = normalCdf(gate)
        // d/dx x Φ(x) = Φ(x) + x φ(x)
        const density = tf.mul(tf.exp(tf.mul(tf.square(gate), -0.5)), 1 / Math.sqrt(2 * Math.PI))
        const slope = tf.add(cdf, tf.mul(gate, density))
        return [tf.concat([tf.mul(dy, tf.mul(gate, cdf)), tf.mul(dy, tf.mul(value, slope))], -1)]
      },
    }
  })

/** Φ(x) */
function normalCdf(x: Tensor): Tensor {
  return tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5)
}
