import { put, take } from "./vector"

/**
 * c = a b, or c += a b. a: [m, k] with any strides, so that a transposed operand costs nothing; b: [k, n] and
 * c: [m, n] with rows of neighbouring values. Strides are in values. Every value of c is summed in the order of k.
 */
export function product(
  a: usize,
  aRow: i32,
  aColumn: i32,
  b: usize,
  bRow: i32,
  c: usize,
  cRow: i32,
  m: i32,
  n: i32,
  k: i32,
  accumulate: bool,
): void {
  const aRowBytes = (<usize>aRow) << 2
  const aColumnBytes = (<usize>aColumn) << 2
  const bRowBytes = (<usize>bRow) << 2
  const cRowBytes = (<usize>cRow) << 2
  let j = 0
  // Columns outside, rows inside: the strip of b stays in the nearest cache for all rows of a.
  for (; j + 8 <= n; j += 8) {
    const strip = b + ((<usize>j) << 2)
    let aAt = a
    let cAt = c + ((<usize>j) << 2)
    let i = 0
    for (; i + 4 <= m; i += 4) {
      tile4x8(aAt, aRowBytes, aColumnBytes, strip, bRowBytes, cAt, cRowBytes, k, accumulate)
      aAt += aRowBytes << 2
      cAt += cRowBytes << 2
    }
    for (; i < m; i++) {
      tile1x4(aAt, aColumnBytes, strip, bRowBytes, cAt, k, 4, accumulate)
      tile1x4(aAt, aColumnBytes, strip + 16, bRowBytes, cAt + 16, k, 4, accumulate)
      aAt += aRowBytes
      cAt += cRowBytes
    }
  }
  for (; j < n; j += 4) {
    const strip = b + ((<usize>j) << 2)
    let aAt = a
    let cAt = c + ((<usize>j) << 2)
    for (let i = 0; i < m; i++) {
      tile1x4(aAt, aColumnBytes, strip, bRowBytes, cAt, k, n - j, accumulate)
      aAt += aRowBytes
      cAt += cRowBytes
    }
  }
}

/** 4 rows by 8 columns: as many running sums as the registers of common machines hold. */
@inline
function tile4x8(
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  bRow: usize,
  c: usize,
  cRow: usize,
  k: i32,
  accumulate: bool,
): void {
  const c1 = c + cRow
  const c2 = c1 + cRow
  const c3 = c2 + cRow
  let s00 = f32x4.splat(0)
  let s01 = s00
  let s10 = s00
  let s11 = s00
  let s20 = s00
  let s21 = s00
  let s30 = s00
  let s31 = s00
  if (accumulate) {
    s00 = v128.load(c)
    s01 = v128.load(c, 16)
    s10 = v128.load(c1)
    s11 = v128.load(c1, 16)
    s20 = v128.load(c2)
    s21 = v128.load(c2, 16)
    s30 = v128.load(c3)
    s31 = v128.load(c3, 16)
  }
  let a0 = a
  let a1 = a0 + aRow
  let a2 = a1 + aRow
  let a3 = a2 + aRow
  for (let i = 0; i < k; i++) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    const x0 = v128.load32_splat(a0)
    s00 = f32x4.add(s00, f32x4.mul(x0, b0))
    s01 = f32x4.add(s01, f32x4.mul(x0, b1))
    const x1 = v128.load32_splat(a1)
    s10 = f32x4.add(s10, f32x4.mul(x1, b0))
    s11 = f32x4.add(s11, f32x4.mul(x1, b1))
    const x2 = v128.load32_splat(a2)
    s20 = f32x4.add(s20, f32x4.mul(x2, b0))
    s21 = f32x4.add(s21, f32x4.mul(x2, b1))
    const x3 = v128.load32_splat(a3)
    s30 = f32x4.add(s30, f32x4.mul(x3, b0))
    s31 = f32x4.add(s31, f32x4.mul(x3, b1))
    b += bRow
    a0 += aColumn
    a1 += aColumn
    a2 += aColumn
    a3 += aColumn
  }
  v128.store(c, s00)
  v128.store(c, s01, 16)
  v128.store(c1, s10)
  v128.store(c1, s11, 16)
  v128.store(c2, s20)
  v128.store(c2, s21, 16)
  v128.store(c3, s30)
  v128.store(c3, s31, 16)
}

/** One row by up to four columns: the edges. */
function tile1x4(
  a: usize,
  aColumn: usize,
  b: usize,
  bRow: usize,
  c: usize,
  k: i32,
  left: i32,
  accumulate: bool,
): void {
  let sum = accumulate ? take(c, left) : f32x4.splat(0)
  for (let i = 0; i < k; i++) {
    sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(a), take(b, left)))
    b += bRow
    a += aColumn
  }
  put(c, sum, left)
}

/** to: [columns, rowsPadded] = factor · fromᵀ, with zeros behind each row. from: [rows, columns], fromRow values apart. */
export function transpose(from: usize, fromRow: i32, to: usize, toRow: i32, rows: i32, columns: i32, factor: f32): void {
  for (let column = 0; column < columns; column++) {
    let source = from + ((<usize>column) << 2)
    const target = to + ((<usize>(column * toRow)) << 2)
    for (let row = 0; row < toRow; row++) {
      const value: f32 = row < rows ? load<f32>(source) * factor : 0
      store<f32>(target + ((<usize>row) << 2), value)
      source += (<usize>fromRow) << 2
    }
  }
}
