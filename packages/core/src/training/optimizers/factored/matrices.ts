import type { ValuePart } from "../../value-part.ts"
import { fileStrides } from "../../value-part.ts"
import type { OptimizedModel } from "../rule.ts"

/**
 * A tensor as matrices of its last two axes, and its place in the lists of means. A tensor of one axis has no matrices:
 * its mean squares are kept whole.
 */
export interface FactoredPart {
  readonly part: ValuePart
  readonly rows: number
  readonly columns: number
  readonly rowStride: number
  readonly columnStride: number
  /** Indices in the flat values of the matrices' first values. Empty for a tensor of one axis. */
  readonly starts: readonly number[]
  /** Its first place in the list of row means, of column means, and of whole mean squares. */
  readonly at: { readonly rows: number; readonly columns: number; readonly whole: number }
}

/** The lengths of the lists. */
export interface FactoredLengths {
  readonly rows: number
  readonly columns: number
  readonly whole: number
}

/** All tensors of a model as matrices, and the lengths of the lists of their means. */
export function factorParts({ parts }: OptimizedModel): {
  readonly parts: readonly FactoredPart[]
  readonly lengths: FactoredLengths
} {
  const at = { rows: 0, columns: 0, whole: 0 }
  const factored = parts.map((part): FactoredPart => {
    const strides = part.strides ?? fileStrides(part.shape)
    const isFactored = part.shape.length >= 2
    const [rows = 1, columns = 1] = isFactored ? part.shape.slice(-2) : [1, part.size]
    const [rowStride = 0, columnStride = 1] = isFactored ? strides.slice(-2) : [0, 1]
    const starts = isFactored ? startsOf(part, strides) : []
    const entry = { part, rows, columns, rowStride, columnStride, starts, at: { ...at } }
    at.rows += starts.length * rows
    at.columns += starts.length * columns
    at.whole += isFactored ? 0 : part.size
    return entry
  })
  return { parts: factored, lengths: at }
}

function startsOf({ shape, offset }: ValuePart, strides: readonly number[]): readonly number[] {
  let starts: readonly number[] = [offset]
  for (const [axis, length] of shape.slice(0, -2).entries()) {
    const steps = Array.from({ length }, (_, i) => i * (strides[axis] ?? 0))
    starts = starts.flatMap((start) => steps.map((step) => start + step))
  }
  return starts
}

/** Means of squares by row and by column. */
export interface SquareMeans {
  readonly rows: Float32Array
  readonly columns: Float32Array
}

/**
 * Moves the row and column means of a tensor's squares.
 *
 * @param square the square at an index of the flat values
 * @param share the share of the new squares, 0 to 1
 */
export function moveMeans(
  factored: FactoredPart,
  { rows: rowMeans, columns: columnMeans }: SquareMeans,
  square: (flat: number) => number,
  share: number,
): void {
  const { rows, columns, rowStride, columnStride, starts, at } = factored
  const columnSums = new Float64Array(columns)
  for (const [matrix, start] of starts.entries()) {
    columnSums.fill(0)
    for (let row = 0; row < rows; row++) {
      let sum = 0
      for (let column = 0; column < columns; column++) {
        const value = square(start + row * rowStride + column * columnStride)
        sum += value
        columnSums[column] = (columnSums[column] as number) + value
      }
      move(rowMeans, at.rows + matrix * rows + row, sum / columns, share)
    }
    for (let column = 0; column < columns; column++) {
      move(columnMeans, at.columns + matrix * columns + column, (columnSums[column] as number) / rows, share)
    }
  }
}

function move(means: Float32Array, index: number, value: number, share: number): void {
  means[index] = (1 - share) * (means[index] as number) + share * value
}

/**
 * Calls `visit` with the estimated mean square of every value: row mean · column mean / mean of the row means.
 *
 * Source: Shazeer & Stern 2018 (arXiv:1804.04235), algorithm 2.
 *
 * @param least the smallest mean of the row means that is divided by. Default: 0
 */
export function forEachSquare(
  factored: FactoredPart,
  { rows: rowMeans, columns: columnMeans }: SquareMeans,
  visit: (flat: number, square: number) => void,
  least = 0,
): void {
  const { rows, columns, rowStride, columnStride, starts, at } = factored
  for (const [matrix, start] of starts.entries()) {
    const [rowAt, columnAt] = [at.rows + matrix * rows, at.columns + matrix * columns]
    let sum = 0
    for (let row = 0; row < rows; row++) sum += rowMeans[rowAt + row] as number
    const mean = Math.max(sum / rows, least)
    for (let row = 0; row < rows; row++) {
      const factor = (rowMeans[rowAt + row] as number) / mean
      for (let column = 0; column < columns; column++) {
        visit(start + row * rowStride + column * columnStride, factor * (columnMeans[columnAt + column] as number))
      }
    }
  }
}

/** The root of the mean square of a list's values from `offset`. */
export function rootMeanSquare(values: Float32Array, { offset, size }: Pick<ValuePart, "offset" | "size">): number {
  let sum = 0
  for (let i = offset; i < offset + size; i++) sum += (values[i] as number) ** 2
  return Math.sqrt(sum / size)
}
