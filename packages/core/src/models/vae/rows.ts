import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Conv2dWeight, Ops } from "../../ops/ops.ts"

/** A picture whose rows are stored in slices, or computed from those of another picture when they are taken. */
export interface Rows {
  readonly shape: readonly [samples: number, height: number, width: number, channels: number]
  /** Rows from one on, up to another. The caller disposes them. [N, to − from, W, C] */
  take(from: number, to: number): Tensor4D
  /** Frees what rows from this one on do not need. */
  leave(row: number): void
  /** Frees all that is stored. */
  dispose(): void
}

/** Where slices are in a picture. */
export interface SlicePlace {
  /** The row at which the first one begins. */
  readonly first: number
  /** Rows of the picture. */
  readonly height: number
}

/**
 * Rows that are stored, and become the result's own.
 *
 * @param slices neighbours, from the top: [N, rows, W, C] each
 * @param place Default: they are the whole picture.
 */
export function storedRows(slices: readonly Tensor4D[], place?: SlicePlace): Rows {
  const [{ shape }] = slices as readonly [Tensor4D]
  const first = place?.first ?? 0
  const edges = [first]
  for (const slice of slices) edges.push((edges.at(-1) ?? 0) + slice.shape[1])
  const endOf = (i: number): number => edges[i + 1] as number
  return {
    shape: [shape[0], place?.height ?? endOf(slices.length - 1), shape[2], shape[3]],
    take: (from, to) =>
      tf.tidy(() => {
        const parts = slices.flatMap((slice, i) => {
          const begin = edges[i] as number
          const [start, end] = [Math.max(from, begin), Math.min(to, endOf(i))]
          if (start >= end) return []
          const isWhole = end - start === slice.shape[1]
          return [isWhole ? tf.clone(slice) : tf.slice(slice, [0, start - begin, 0, 0], [-1, end - start, -1, -1])]
        })
        return parts.length === 1 ? (parts[0] as Tensor4D) : tf.concat<Tensor4D>(parts, 1)
      }),
    leave(row) {
      for (const [i, slice] of slices.entries()) if (endOf(i) <= row) slice.dispose()
    },
    dispose: () => tf.dispose([...slices]),
  }
}

/** A 3×3 convolution of rows, after `before` has changed them. Zeros are around the picture. */
export function convolvedRows(
  ops: Ops,
  rows: Rows,
  weight: Conv2dWeight,
  before: (rows: Tensor4D) => Tensor4D = tf.clone,
): Rows {
  const [n, height, width] = rows.shape
  return {
    shape: [n, height, width, weight.shape[0] ?? 0],
    take(from, to) {
      const [top, bottom] = [from === 0 ? 1 : 0, to === height ? 1 : 0]
      const read = changed(rows.take(from - 1 + top, to + 1 - bottom), before)
      return changed(read, (x) => ops.conv2d(x, weight, { stride: 1, padding: [top, bottom, 1, 1] }))
    },
    leave: (row) => rows.leave(row - 1),
    dispose: () => rows.dispose(),
  }
}

/** Twice the size, then a 3×3 convolution. */
export function doubledRows(ops: Ops, rows: Rows, weight: Conv2dWeight): Rows {
  const [n, height, width, channels] = rows.shape
  const large: Rows = {
    shape: [n, 2 * height, 2 * width, channels],
    take(from, to) {
      const [first, end] = [Math.floor(from / 2), Math.ceil(to / 2)]
      const whole = changed(rows.take(first, end), (x) => ops.upsample2x(x))
      if (from === 2 * first && to === 2 * end) return whole
      return changed(whole, (x) => tf.slice(x, [0, from - 2 * first, 0, 0], [-1, to - from, -1, -1]))
    },
    leave: (row) => rows.leave(Math.floor(row / 2)),
    dispose: () => rows.dispose(),
  }
  return convolvedRows(ops, large, weight)
}

/** Half the size: a 3×3 convolution. Its windows begin at even rows and end one row below. */
export function halvedRows(ops: Ops, rows: Rows, weight: Conv2dWeight): Rows {
  const [n, height, width] = rows.shape
  return {
    shape: [n, height / 2, width / 2, weight.shape[0] ?? 0],
    take(from, to) {
      const end = Math.min(2 * to + 1, height)
      const below = 2 * to + 1 - end
      return changed(rows.take(2 * from, end), (x) => ops.conv2d(x, weight, { stride: 2, padding: [0, below, 0, 1] }))
    },
    leave: (row) => rows.leave(2 * row),
    dispose: () => rows.dispose(),
  }
}

/** What `change` makes of a tensor, which is freed. The scope around tracks the result. */
export function changed(x: Tensor4D, change: (x: Tensor4D) => Tensor4D): Tensor4D {
  const y = tf.tidy(() => change(x))
  x.dispose()
  return y
}
