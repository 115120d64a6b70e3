import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Conv2dWeight, NormWeight, Ops, Padding } from "../../ops/ops.ts"
import type { Steps } from "../steps.ts"
import { VAE_NORM } from "./config.ts"
import type { VaeCoderParams, VaeResBlock } from "./weights.ts"

/*
 * The levels of the autoencoder over a picture that is cut into slices of rows. Every layer runs over all slices before
 * the next layer begins. A convolution reads a row of the slices above and below, and a norm uses the statistics of all
 * slices. So the result needs no blending and shows no cuts. The inner tensors of a layer are in memory for one slice
 * at a time. A norm and its SiLU have seven tensors as large as their input.
 */

const { groups: GROUPS, epsilon: EPSILON } = VAE_NORM

/**
 * A picture cut into slices of rows, from the top: [N, rows, W, C] each. A function that takes slices disposes them.
 */
export type Slices = readonly Tensor4D[]

/** Cuts a picture into `count` slices of nearly the same height, a multiple of `unit` rows. The picture stays. */
export function cutRows(x: Tensor4D, count: number, unit = 1): Slices {
  const units = x.shape[1] / unit
  const edge = (i: number): number => unit * Math.floor((i * units) / count)
  return Array.from({ length: count }, (_, i) => tf.slice(x, [0, edge(i), 0, 0], [-1, edge(i + 1) - edge(i), -1, -1]))
}

/** Joins slices. */
export function joinRows(slices: Slices): Tensor4D {
  const whole = tf.concat([...slices], 1)
  tf.dispose([...slices])
  return whole
}

/** The levels of an encoder, after its first convolution, or of a decoder. */
export function* levelsInSlices(
  ops: Ops,
  coder: VaeCoderParams,
  slices: Slices,
  direction: "down" | "up",
): Steps<Slices> {
  let h = direction === "down" ? yield* convolved(ops, slices, coder.inConv) : slices
  for (const { blocks, resample } of coder.levels) {
    for (const block of blocks) {
      h = yield* resBlock(ops, block, h)
      ops.trim?.()
    }
    if (resample !== null) h = yield* direction === "down" ? halved(ops, h, resample) : doubled(ops, h, resample)
    ops.trim?.()
  }
  return h
}

/** A decoder's last norm and convolution. */
export function* outInSlices(ops: Ops, { outNorm, outConv }: VaeCoderParams, h: Slices): Steps<Slices> {
  const norm = normOver(ops, h, outNorm)
  try {
    return yield* convolved(ops, h, outConv, norm.apply)
  } finally {
    norm.dispose()
  }
}

function* resBlock(ops: Ops, params: VaeResBlock, x: Slices): Steps<Slices> {
  const { skip } = params
  const h: Tensor4D[] = []
  const norms: SlicedNorm[] = []
  const normed = (slices: Slices, weight: NormWeight): SlicedNorm => {
    const norm = normOver(ops, slices, weight)
    norms.push(norm)
    return norm
  }
  try {
    const norm1 = normed(x, params.norm1)
    for (const i of x.keys()) {
      h.push(tf.tidy(() => convAt(ops, x, i, params.conv1, norm1.apply)))
      yield
    }
    const norm2 = normed(h, params.norm2)
    return yield* consumed(h, (i) => {
      const own = x[i] as Tensor4D
      const y = tf.tidy(() => {
        const through = convAt(ops, h, i, params.conv2, norm2.apply)
        return tf.add(skip === null ? own : ops.conv2d(own, skip, { stride: 1, padding: [0, 0, 0, 0] }), through)
      })
      own.dispose()
      return y as Tensor4D
    })
  } finally {
    for (const norm of norms) norm.dispose()
    tf.dispose([...x, ...h])
  }
}

/** A 3×3 convolution of the rows, after `before` has changed them. */
function convolved(ops: Ops, x: Slices, weight: Conv2dWeight, before?: (rows: Tensor4D) => Tensor4D): Steps<Slices> {
  return consumed(x, (i) => tf.tidy(() => convAt(ops, x, i, weight, before)))
}

/** Twice the size, then a 3×3 convolution. */
function doubled(ops: Ops, x: Slices, weight: Conv2dWeight): Steps<Slices> {
  return consumed(x, (i) =>
    tf.tidy(() => {
      const large = ops.upsample2x(withNeighbours(x, i))
      // A neighbour's row has become two. The convolution reads the nearer one.
      const [above, below] = [i === 0 ? 0 : 1, i === x.length - 1 ? 0 : 1]
      const rows = tf.slice(large, [0, above, 0, 0], [-1, large.shape[1] - above - below, -1, -1]) as Tensor4D
      return ops.conv2d(rows, weight, { stride: 1, padding: paddingAt(x, i) })
    }),
  )
}

/** Half the size: a 3×3 convolution. Its windows begin at even rows and end one row below. */
function halved(ops: Ops, x: Slices, weight: Conv2dWeight): Steps<Slices> {
  return consumed(x, (i) =>
    tf.tidy(() => {
      const next = x[i + 1]
      const rows = next === undefined ? (x[i] as Tensor4D) : tf.concat([x[i] as Tensor4D, rowOf(next, 0)], 1)
      return ops.conv2d(rows, weight, { stride: 2, padding: [0, next === undefined ? 1 : 0, 0, 1] })
    }),
  )
}

function convAt(
  ops: Ops,
  x: Slices,
  i: number,
  weight: Conv2dWeight,
  before: (rows: Tensor4D) => Tensor4D = (rows) => rows,
): Tensor4D {
  return ops.conv2d(before(withNeighbours(x, i)), weight, { stride: 1, padding: paddingAt(x, i) })
}

/** Zeros beside every slice, above the first and below the last. Elsewhere are the neighbours' rows. */
function paddingAt(x: Slices, i: number): Padding {
  return [i === 0 ? 1 : 0, i === x.length - 1 ? 1 : 0, 1, 1]
}

/** A slice with the row above it and the row below it, if these rows exist. */
function withNeighbours(x: Slices, i: number): Tensor4D {
  const [above, below] = [x[i - 1], x[i + 1]]
  const rows = [x[i] as Tensor4D]
  if (above !== undefined) rows.unshift(rowOf(above, above.shape[1] - 1))
  if (below !== undefined) rows.push(rowOf(below, 0))
  return tf.concat(rows, 1)
}

function rowOf(x: Tensor4D, row: number): Tensor4D {
  return tf.slice(x, [0, row, 0, 0], [-1, 1, -1, -1])
}

/** Makes new slices of old ones. It disposes each old slice as soon as no later step reads a row of it. */
function* consumed(x: Slices, step: (i: number) => Tensor4D): Steps<Slices> {
  const made: Tensor4D[] = []
  let isDone = false
  try {
    for (const i of x.keys()) {
      made.push(step(i))
      x[i - 1]?.dispose()
      yield
    }
    isDone = true
    return made
  } finally {
    tf.dispose([...x, ...(isDone ? [] : made)])
  }
}

interface SlicedNorm {
  /** Norm and SiLU. */
  readonly apply: (rows: Tensor4D) => Tensor4D
  dispose(): void
}

/** A group norm with the statistics of all slices together. */
function normOver(ops: Ops, x: Slices, weight: NormWeight): SlicedNorm {
  const total = x.reduce((rows, { shape }) => rows + shape[1], 0)
  const { factor, offset } = tf.tidy(() => {
    const [{ shape }] = x as readonly [Tensor4D]
    const [n, , , c] = shape
    // Chan et al. 1983: the variance of a whole is the mean of its parts' variances plus the variance of their means.
    const parts = x.map((part) => tf.tidy(() => moments(part)))
    const shares = x.map((part) => part.shape[1] / total)
    const channelMean = weighted(
      parts.map(([mean]) => mean as Tensor),
      shares,
    )
    const channelVariance = weighted(
      parts.map(([mean, variance]) => tf.add(variance as Tensor, tf.square(tf.sub(mean as Tensor, channelMean)))),
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
  return {
    apply: (rows) => ops.silu(tf.add(tf.mul(rows, factor), offset)) as Tensor4D,
    dispose: () => tf.dispose([factor, offset]),
  }
}

/** Mean and variance of every channel. [N, H, W, C] → two of [N, C] */
function moments(x: Tensor4D): [Tensor, Tensor] {
  const [n, h, w, c] = x.shape
  const pixels = tf.reshape(x, [n, h * w, c])
  const mean = tf.mean(pixels, 1, true)
  const variance = tf.mean(tf.square(tf.sub(pixels, mean)), 1)
  return [tf.reshape(mean, [n, c]), variance]
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
