import { product, rowListSize, transpose } from "./product"
import { put, take } from "./vector"

/** Values that `dense` needs in its scratch memory. */
export function denseScratch(): i32 {
  return rowListSize(1)
}

/** y = x weight + bias. x: [rows, inner], weight: [inner, out], bias: [out] or address 0, y: [rows, out] */
export function dense(
  x: usize,
  weight: usize,
  bias: usize,
  y: usize,
  scratch: usize,
  rows: i32,
  inner: i32,
  out: i32,
): void {
  product(x, inner, 1, weight, out, bias, y, out, rows, out, inner, false, scratch)
}

/** Values that `denseGradient` needs in its scratch memory: the transposed weight and a list of rows. */
export function denseGradientScratch(inner: i32, out: i32): i32 {
  return inner * out + rowListSize(1)
}

/** Rows over which dWeight is summed at a time. They are few enough for x and dy to stay in the cache. */
const ROWS = 128

/**
 * The gradients dx, dWeight and dBias of `dense`. An address of 0 skips dx or dBias. With `accumulate`, dx is a sum that
 * is added to.
 */
export function denseGradient(
  x: usize,
  weight: usize,
  dy: usize,
  dx: usize,
  dWeight: usize,
  dBias: usize,
  scratch: usize,
  rows: i32,
  inner: i32,
  out: i32,
  accumulate: bool,
): void {
  const list = scratch + ((<usize>(inner * out)) << 2)
  if (dx != 0) {
    transpose(weight, out, scratch, inner, inner, out, 1)
    product(dy, out, 1, scratch, inner, 0, dx, inner, rows, inner, out, accumulate, list)
  }
  if (dBias != 0) memory.fill(dBias, 0, (<usize>out) << 2)
  for (let row = 0; row < rows; row += ROWS) {
    const count = min(ROWS, rows - row)
    product(x, 1, inner, dy, out, 0, dWeight, out, inner, out, count, row > 0, list)
    if (dBias != 0) addRows(dy, dBias, count, out)
    x += (<usize>(count * inner)) << 2
    dy += (<usize>(count * out)) << 2
  }
}

/** Adds every row to `sums`. */
function addRows(from: usize, sums: usize, rows: i32, width: i32): void {
  for (let i = 0; i < width; i += 4) {
    const left = width - i
    const column = (<usize>i) << 2
    let sum = take(sums + column, left)
    let at = from + column
    for (let row = 0; row < rows; row++) {
      sum = f32x4.add(sum, take(at, left))
      at += (<usize>width) << 2
    }
    put(sums + column, sum, left)
  }
}
