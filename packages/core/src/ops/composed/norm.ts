import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import type { GroupNormOptions, NormWeight } from "../ops.ts"
import { vjp } from "../vjp.ts"
import { siluGradient } from "./activation.ts"
import type { ComposedNorm } from "./weights.ts"

/** Normalises every sample and group of channels, Wu and He 2018. x: [N, H, W, C] → same */
export function groupNorm(x: Tensor4D, weight: NormWeight, { groups, epsilon, silu }: GroupNormOptions): Tensor4D {
  const { scale, shift } = weight as ComposedNorm
  const [n, h, w, c] = x.shape
  if (c !== scale.shape[0] || c % groups !== 0) {
    throw new CoreError(
      "shape",
      `groupNorm: x is [${x.shape.join(", ")}], expected ${scale.shape[0]} channels, a multiple of ${groups} groups`,
    )
  }
  // With channels first, a group's values are adjacent, so that its statistics are those of a row.
  const toRows = (t: Tensor): Tensor =>
    tf.reshape(tf.transpose(tf.reshape(t, [n, h * w, c]), [0, 2, 1]), [n * groups, -1])
  const fromRows = (t: Tensor): Tensor4D =>
    tf.reshape(tf.transpose(tf.reshape(t, [n, c, h * w]), [0, 2, 1]), [n, h, w, c])
  return vjp([x], () => {
    const { normalized, inverse } = normalizeRows(toRows(x), epsilon)
    const hat = fromRows(normalized)
    const y = tf.add(tf.mul(hat, scale), shift) as Tensor4D
    return {
      value: silu ? tf.mul(y, tf.sigmoid(y)) : y,
      saved: [hat, inverse],
      gradients: (dy, [hat, inverse]) => {
        const dNormed = silu ? siluGradient(tf.add(tf.mul(hat, scale), shift), dy) : dy
        const dHat = toRows(tf.mul(dNormed, scale))
        return [fromRows(normalizeGradient(dHat, toRows(hat), inverse))]
      },
    }
  })
}

/** Normalises the last axis, Ba et al. 2016. x: [..., C] → same */
export function layerNorm(x: Tensor, weight: NormWeight, epsilon: number): Tensor {
  const { scale, shift } = weight as ComposedNorm
  const width = scale.shape[0]
  if (x.shape[x.rank - 1] !== width) {
    throw new CoreError("shape", `layerNorm: x is [${x.shape.join(", ")}], expected a last axis of ${width}`)
  }
  return vjp([x], () => {
    const { normalized, inverse } = normalizeRows(tf.reshape(x, [-1, width]), epsilon)
    return {
      value: tf.reshape(tf.add(tf.mul(normalized, scale), shift), x.shape),
      saved: [normalized, inverse],
      gradients: (dy, [normalized, inverse]) => {
        const dHat = tf.mul(tf.reshape(dy, [-1, width]), scale)
        return [tf.reshape(normalizeGradient(dHat, normalized, inverse), x.shape)]
      },
    }
  })
}

/** Normalises rows. rows: [R, C] → rows of mean 0 and variance 1, and 1 / deviation [R, 1] */
function normalizeRows(rows: Tensor, epsilon: number): { normalized: Tensor; inverse: Tensor } {
  const centered = tf.sub(rows, tf.mean(rows, 1, true))
  const variance = tf.mean(tf.mul(centered, centered), 1, true)
  const inverse = tf.rsqrt(tf.add(variance, epsilon))
  return { normalized: tf.mul(centered, inverse), inverse }
}

/** Gradient of `normalizeRows`: dHat without its mean and without its part along the row, scaled. */
function normalizeGradient(dHat: Tensor, normalized: Tensor, inverse: Tensor): Tensor {
  const along = tf.mean(tf.mul(dHat, normalized), 1, true)
  const rest = tf.sub(tf.sub(dHat, tf.mean(dHat, 1, true)), tf.mul(normalized, along))
  return tf.mul(rest, inverse)
}
