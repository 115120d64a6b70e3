import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { NormWeight, Ops } from "../../ops/ops.ts"
import type { Steps } from "../steps.ts"
import { type FixedNorm, type Moments, momentsOf, normOf } from "./norm-statistics.ts"
import { convolvedRows, doubledRows, halvedRows, type Rows, storedRows } from "./rows.ts"
import type { VaeCoderParams, VaeResBlock } from "./weights.ts"

/*
 * The levels of the autoencoder over a picture that is cut into slices of rows. A convolution reads rows of the slices above
 * and below, and a norm uses the statistics of all slices. So the result needs no blending and shows no cuts.
 *
 * Of whole tensors no more is held at a time than one of the finest level's size, which in SDXL at 1024 px is 512 MiB. What
 * would be more, such as the inner tensors of that level's blocks, is computed again slice by slice for each of its readers:
 * for the statistics of a norm, and for the layer after it. For a picture of SDXL's that is under half of the decoder's work.
 */

/** How a picture is cut. */
export interface Cut {
  /** Slices, and rows that they are multiples of. */
  readonly count: number
  readonly units: number
  /** Values of a tensor of the finest level. */
  readonly finest: number
}

/** Cuts a picture, which stays. */
export function cutRows(x: Tensor4D, cut: Cut): Rows {
  return storedRows(spansOf(x.shape[1], cut).map(([from, to]) => tf.slice(x, [0, from, 0, 0], [-1, to - from, -1, -1])))
}

/** Joins slices, and frees them. */
export function joinRows(rows: Rows): Tensor4D {
  const whole = rows.take(0, rows.shape[1])
  rows.dispose()
  return whole
}

/** The levels of an encoder, with its first convolution, or of a decoder. They free the rows that they read. */
export function* levelsInSlices(
  ops: Ops,
  coder: VaeCoderParams,
  rows: Rows,
  cut: Cut,
  direction: "down" | "up",
): Steps<Rows> {
  let h = direction === "down" ? yield* stored(ops, convolvedRows(ops, rows, coder.inConv), cut) : rows
  for (const { blocks, resample } of coder.levels) {
    for (const block of blocks) h = yield* resBlock(ops, block, h, cut)
    if (resample === null) continue
    const next = direction === "down" ? halvedRows(ops, h, resample) : doubledRows(ops, h, resample)
    h = sizeOf(next) > cut.finest ? next : yield* stored(ops, next, cut)
  }
  return h
}

/** A decoder's last norm and convolution. */
export function* outInSlices(ops: Ops, { outNorm, outConv }: VaeCoderParams, h: Rows, cut: Cut): Steps<Rows> {
  const norms: FixedNorm[] = []
  try {
    const norm = yield* normed(ops, h, outNorm, cut)
    norms.push(norm)
    return yield* stored(ops, convolvedRows(ops, h, outConv, norm.apply), cut)
  } finally {
    for (const norm of norms) norm.dispose()
    h.dispose()
  }
}

function* resBlock(ops: Ops, params: VaeResBlock, x: Rows, cut: Cut): Steps<Rows> {
  const norms: FixedNorm[] = []
  let kept: Rows | null = null
  try {
    const norm1 = yield* normed(ops, x, params.norm1, cut)
    norms.push(norm1)
    const inner = convolvedRows(ops, x, params.conv1, norm1.apply)
    if (sizeOf(x) + sizeOf(inner) <= cut.finest) kept = storedRows(yield* taken(inner, cut))
    const norm2 = yield* normed(ops, kept ?? inner, params.norm2, cut)
    norms.push(norm2)
    const h = kept
    // x at these rows is taken last, because a convolution needs more memory than an addition.
    const ended = (rows: Rows, inner: Rows, from: number, to: number): Tensor4D =>
      tf.tidy(() => {
        const through = convolvedRows(ops, inner, params.conv2, norm2.apply).take(from, to)
        const { skip } = params
        const own = rows.take(from, to)
        return tf.add(skip === null ? own : ops.conv2d(own, skip, { stride: 1, padding: [0, 0, 0, 0] }), through)
      })
    const [n, height, width] = x.shape
    const ends: Rows = {
      shape: [n, height, width, params.conv2.shape[0] ?? 0],
      take(from, to) {
        if (h !== null) return ended(x, h, from, to)
        // Both convolutions read one row above and one below.
        const first = Math.max(0, from - 2)
        const read = storedRows([x.take(first, Math.min(height, to + 2))], { first, height })
        const y = ended(read, convolvedRows(ops, read, params.conv1, norm1.apply), from, to)
        read.dispose()
        return y
      },
      leave(row) {
        h?.leave(row - 1)
        x.leave(h === null ? row - 2 : row)
      },
      dispose: () => x.dispose(),
    }
    return yield* stored(ops, ends, cut)
  } finally {
    for (const norm of norms) norm.dispose()
    kept?.dispose()
    x.dispose()
  }
}

/** A norm with the statistics of all rows, which stay. The caller disposes it. */
function* normed(ops: Ops, rows: Rows, weight: NormWeight, cut: Cut): Steps<FixedNorm> {
  const parts: Moments[] = []
  try {
    for (const [from, to] of spansOf(rows.shape[1], cut)) {
      const part = tf.tidy(() => rows.take(from, to))
      parts.push(momentsOf(part))
      part.dispose()
      yield
    }
    return normOf(ops, parts, weight)
  } finally {
    for (const { mean, variance } of parts) tf.dispose([mean, variance])
  }
}

/** Computes rows, and stores them. What they are computed from is freed as soon as no later row needs it. */
function* stored(ops: Ops, rows: Rows, cut: Cut): Steps<Rows> {
  try {
    const made = storedRows(yield* taken(rows, cut, (row) => rows.leave(row)))
    ops.trim?.()
    return made
  } finally {
    rows.dispose()
  }
}

/** Computes rows slice by slice. The rows stay. `leave` is called with the end of each slice. */
function* taken(rows: Rows, cut: Cut, leave: (row: number) => void = () => {}): Steps<readonly Tensor4D[]> {
  const made: Tensor4D[] = []
  let isDone = false
  try {
    for (const [from, to] of spansOf(rows.shape[1], cut)) {
      made.push(tf.tidy(() => rows.take(from, to)))
      leave(to)
      yield
    }
    isDone = true
    return made
  } finally {
    if (!isDone) tf.dispose(made)
  }
}

/** The first row of each slice of a picture, and the row after its last one. Slices are nearly alike. */
function spansOf(height: number, { count, units }: Cut): readonly (readonly [from: number, to: number])[] {
  const edge = (i: number): number => (height / units) * Math.floor((i * units) / count)
  return Array.from({ length: count }, (_, i) => [edge(i), edge(i + 1)] as const)
}

function sizeOf({ shape }: Rows): number {
  return shape.reduce((size, length) => size * length, 1)
}
