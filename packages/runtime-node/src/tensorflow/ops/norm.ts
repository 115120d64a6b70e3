import type { Ops } from "@lllite/core/ops"
import { vjp } from "@lllite/core/ops"
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { InputError } from "../../errors.ts"
import type { HeldNorm } from "./weights.ts"

/**
 * Group normalisation, Wu and He 2018. x: [N, H, W, C] → same. Statistics are taken per sample and group of channels.
 * Means are taken per channel first, and then over the channels of a group, so no large tensor is transposed. Besides
 * x, only small tensors are saved for the gradient.
 */
export const groupNorm: Ops["groupNorm"] = (x, weight, { groups, epsilon, silu }) => {
  const { scale, shift } = weight as HeldNorm
  const [n, h, w, c] = x.shape
  if (c !== scale.shape[0] || c % groups !== 0) {
    throw new InputError(
      "shape",
      `groupNorm: x is [${x.shape.join(", ")}], expected ${scale.shape[0]} channels, a multiple of ${groups} groups.`,
    )
  }
  const flat = (t: Tensor): Tensor => tf.reshape(t, [n, h * w, c])
  /** Mean over the pixels and channels of a group, repeated for each of its channels. [N, HW, C] → [N, 1, C] */
  const groupMean = (t: Tensor): Tensor => {
    const perGroup = tf.mean(tf.reshape(tf.mean(t, 1), [n, groups, c / groups]), 2, true)
    return tf.reshape(tf.tile(perGroup, [1, 1, c / groups]), [n, 1, c])
  }
  return vjp([x], () => {
    const pixels = flat(x)
    const mean = groupMean(pixels)
    const centred = tf.sub(pixels, mean)
    const inverse = tf.rsqrt(tf.add(groupMean(tf.square(centred)), epsilon))
    const y = tf.add(tf.mul(centred, tf.mul(inverse, scale)), shift)
    return {
      value: tf.reshape(silu ? tf.mul(y, tf.sigmoid(y)) : y, x.shape) as Tensor4D,
      saved: [x, mean, inverse] as const,
      gradients: (dy, [x, mean, inverse]) => {
        const hat = tf.mul(tf.sub(flat(x), mean), inverse)
        const incoming = silu ? siluGradient(tf.add(tf.mul(hat, scale), shift), flat(dy)) : flat(dy)
        const dHat = tf.mul(incoming, scale)
        const along = groupMean(tf.mul(dHat, hat))
        const rest = tf.sub(tf.sub(dHat, groupMean(dHat)), tf.mul(hat, along))
        return [tf.reshape(tf.mul(rest, inverse), x.shape)]
      },
    }
  })
}

/** Normalises the last axis, Ba et al. 2016. x: [..., C] → same */
export const layerNorm: Ops["layerNorm"] = (x, weight, epsilon) => {
  const { scale, shift } = weight as HeldNorm
  const [width] = scale.shape
  if (x.shape[x.rank - 1] !== width) {
    throw new InputError("shape", `layerNorm: x is [${x.shape.join(", ")}], expected a last axis of ${width}.`)
  }
  return vjp([x], () => {
    const rows = tf.reshape(x, [-1, width])
    const mean = tf.mean(rows, 1, true)
    const centred = tf.sub(rows, mean)
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), epsilon))
    return {
      value: tf.reshape(tf.add(tf.mul(tf.mul(centred, inverse), scale), shift), x.shape),
      saved: [x, mean, inverse] as const,
      gradients: (dy, [x, mean, inverse]) => {
        const hat = tf.mul(tf.sub(tf.reshape(x, [-1, width]), mean), inverse)
        const dHat = tf.mul(tf.reshape(dy, [-1, width]), scale)
        const along = tf.mean(tf.mul(dHat, hat), 1, true)
        const rest = tf.sub(tf.sub(dHat, tf.mean(dHat, 1, true)), tf.mul(hat, along))
        return [tf.reshape(tf.mul(rest, inverse), x.shape)]
      },
    }
  })
}

/** dy · σ(y) (1 + y (1 − σ(y))) */
function siluGradient(y: Tensor, dy: Tensor): Tensor {
  const gate = tf.sigmoid(y)
  return tf.mul(dy, tf.mul(gate, tf.add(tf.mul(y, tf.sub(1, gate)), 1)))
}
