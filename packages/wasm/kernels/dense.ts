import { product, rowListSize, transpose } from "./product"
import { put, take } from "./vector"

/** Values that `dense` wants in its scratch. */
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

/** Values that `denseGradient` wants in its scratch: the weight, turned, and a list of rows. */
export function denseGradientScratch(inner: i32, out: i32): i32 {
  return inner * out + rowListSize(1)
}

/** dx, dWeight and, unless its address is 0, dBias of `dense`. */
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
): void {
  const list = scratch + ((<usize>(inner * out)) << 2)
  transpose(weight, out, scratch, inner, inner, out, 1)
  product(dy, out, 1, scratch, inner, 0, dx, inner, rows, inner, out, false, list)
  product(x, 1, inner, dy, out, 0, dWeight, out, inner, out, rows, false, list)
  if (dBias == 0) return
  for (let i = 0; i < out; i += 4) {
    const left = out - i
    const column = (<usize>i) << 2
    let sum = f32x4.splat(0)
    let at = dy + column
    for (let row = 0; row < rows; row++) {
      sum = f32x4.add(sum, take(at, left))
      at += (<usize>out) << 2
    }
    put(dBias + column, sum, left)
  }
}
