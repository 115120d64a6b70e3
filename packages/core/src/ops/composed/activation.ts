import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { vjp } from "../vjp.ts"

/** max(x, 0) */
export function relu(x: Tensor): Tensor {
  return vjp([x], () => {
    const y = tf.relu(x)
    return { value: y, saved: [y], gradients: (dy, [y]) => [tf.mul(dy, tf.cast(tf.greater(y, 0), "float32"))] }
  })
}

/** x · sigmoid(x) */
export function silu(x: Tensor): Tensor {
  return vjp([x], () => ({
    value: tf.mul(x, tf.sigmoid(x)),
    saved: [x],
    gradients: (dy, [x]) => [siluGradient(x, dy)],
  }))
}

/** dy · σ(x) (1 + x (1 − σ(x))) */
export function siluGradient(x: Tensor, dy: Tensor): Tensor {
  const gate = tf.sigmoid(x)
  return tf.mul(dy, tf.mul(gate, tf.add(tf.mul(x, tf.sub(1, gate)), 1)))
}

/** x · Φ(x), erf form */
export function gelu(x: Tensor): Tensor {
  return vjp([x], () => ({
    value: tf.mul(x, normalCdf(x)),
    saved: [x],
    gradients: (dy, [x]) => [tf.mul(dy, geluSlope(x, normalCdf(x)))],
  }))
}

/** x · sigmoid(1.702 x) */
export function quickGelu(x: Tensor): Tensor {
  return vjp([x], () => ({
    value: tf.mul(x, tf.sigmoid(tf.mul(x, 1.702))),
    saved: [x],
    gradients: (dy, [x]) => {
      const scaled = tf.mul(x, 1.702)
      const gate = tf.sigmoid(scaled)
      return [tf.mul(dy, tf.mul(gate, tf.add(tf.mul(scaled, tf.sub(1, gate)), 1)))]
    },
  }))
}

/** First half times GELU of the second, Shazeer 2020. h: [..., 2·C] → [..., C] */
export function geglu(h: Tensor): Tensor {
  return vjp([h], () => {
    const [value, gate] = tf.split(h, 2, -1) as [Tensor, Tensor]
    const cdf = normalCdf(gate)
    return {
      value: tf.mul(value, tf.mul(gate, cdf)),
      saved: [value, gate, cdf],
      gradients: (dy, [value, gate, cdf]) => [
        tf.concat([tf.mul(dy, tf.mul(gate, cdf)), tf.mul(dy, tf.mul(value, geluSlope(gate, cdf)))], -1),
      ],
    }
  })
}

/** Φ(x) */
function normalCdf(x: Tensor): Tensor {
  return tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5)
}

/** d/dx x Φ(x) = Φ(x) + x φ(x) */
function geluSlope(x: Tensor, cdf: Tensor): Tensor {
  const density = tf.mul(tf.exp(tf.mul(tf.mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI))
  return tf.add(cdf, tf.mul(x, density))
}
