import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Conv2dWeight, NormWeight, Ops, Padding } from "../../ops/ops.ts"
import type { Steps } from "../steps.ts"
import { type FixedNorm, normOver } from "./norm-statistics.ts"
import type { VaeCoderParams, VaeResBlock } from "./weights.ts"

/*
 * The levels of the autoencoder over a picture that is cut into slices of rows. Every layer runs over all slices before
 * the next layer begins. A convolution reads a row of the slices above and below, and a norm uses the statistics of all
 * slices. So the result needs no blending and shows no cuts. The inner tensors of a layer are in memory for one slice
 * at a time. A norm and its SiLU have seven tensors as large as their input.
 */

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
  const norms: FixedNorm[] = []
  const normed = (slices: Slices, weight: NormWeight): FixedNorm => {
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
