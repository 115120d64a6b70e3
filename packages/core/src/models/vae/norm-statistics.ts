import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { NormWeight, Ops } from "../../ops/ops.ts"
import { VAE_NORM } from "./config.ts"

const { groups: GROUPS, epsilon: EPSILON } = VAE_NORM

/** A group norm whose statistics are fixed. */
export interface FixedNorm {
  /** The norm, and SiLU after it. x: [N, H, W, C] → the same shape */
  readonly apply: (x: Tensor4D) => Tensor4D
  /** The norm alone. */
  readonly plain: (x: Tensor4D) => Tensor4D
  dispose(): void
}

/** Statistics of every channel over some rows of a picture. [N, C] each */
export interface Moments {
  readonly rows: number
  readonly mean: Tensor
  readonly variance: Tensor
}

/** The statistics of rows. x: [N, rows, W, C] */
export function momentsOf(x: Tensor4D): Moments {
  const [n, rows, w, c] = x.shape
  const [mean, variance] = tf.tidy(() => {
    const pixels = tf.reshape(x, [n, rows * w, c])
    const mean = tf.mean(pixels, 1, true)
    return [tf.reshape(mean, [n, c]), tf.mean(tf.squaredDifference(pixels, mean), 1)]
  }) as [Tensor, Tensor]
  return { rows, mean, variance }
}

/** A group norm with the statistics of all parts of a picture together. The caller disposes it. */
export function normOf(ops: Ops, parts: readonly Moments[], weight: NormWeight): FixedNorm {
  const total = parts.reduce((sum, { rows }) => sum + rows, 0)
  const { factor, offset } = tf.tidy(() => {
    const [{ mean: first }] = parts as readonly [Moments]
    const [n, c] = first.shape as [number, number]
    // Chan et al. 1983: the variance of a whole is the mean of its parts' variances plus the variance of their means.
    const shares = parts.map(({ rows }) => rows / total)
    const channelMean = weighted(
      parts.map(({ mean }) => mean),
      shares,
    )
    const channelVariance = weighted(
      parts.map(({ mean, variance }) => tf.add(variance, tf.square(tf.sub(mean, channelMean)))),
      shares,
    )
    const grouped = (t: Tensor): Tensor => tf.mean(tf.reshape(t, [n, GROUPS, c / GROUPS]), 2, true)
    const spread = (t: Tensor): Tensor => tf.reshape(tf.tile(t, [1, 1, c / GROUPS]), [n, c])
    const mean = spread(grouped(channelMean))
    const variance = spread(grouped(tf.add(channelVariance, tf.square(tf.sub(channelMean, mean)))))
    const { scale, shift } = affineOf(ops, weight, c)
    const factor = tf.mul(tf.rsqrt(tf.add(variance, EPSILON)), scale)
    const offset = tf.sub(shift, tf.mul(mean, factor))
    return { factor: tf.reshape(factor, [n, 1, 1, c]), offset: tf.reshape(offset, [n, 1, 1, c]) }
  })
  // They live until they are disposed, also if a scope around ends.
  tf.keep(factor)
  tf.keep(offset)
  // Scopes free each inner tensor before the next one is made.
  const plain = (rows: Tensor4D): Tensor4D => tf.tidy(() => tf.add(tf.mul(rows, factor), offset))
  return {
    plain,
    apply: (rows) => tf.tidy(() => ops.silu(plain(rows)) as Tensor4D),
    dispose: () => tf.dispose([factor, offset]),
  }
}

function weighted(tensors: readonly Tensor[], shares: readonly number[]): Tensor {
  return tf.addN(tensors.map((tensor, i) => tf.mul(tensor, shares[i] as number)))
}

/**
 * The scale and the shift of a norm. Only the ops can read a weight. So the norm runs over −1 and 1, whose mean is 0
 * and whose variance is 1.
 */
function affineOf(ops: Ops, weight: NormWeight, channels: number): { scale: Tensor; shift: Tensor } {
  const ones = tf.ones<tf.Rank.R4>([1, 1, 1, channels])
  const probe = tf.concat([tf.neg(ones), ones], 2)
  const seen = ops.groupNorm(probe, weight, { groups: GROUPS, epsilon: EPSILON, silu: false })
  const [low, high] = tf.split(tf.reshape(seen, [2, channels]), 2) as [Tensor, Tensor]
  return {
    scale: tf.mul(tf.sub(high, low), Math.sqrt(1 + EPSILON) / 2),
    shift: tf.mul(tf.add(high, low), 0.5),
  }
}
