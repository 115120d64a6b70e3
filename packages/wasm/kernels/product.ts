import { multiplyAdd, padded, put, take } from "./vector"

/*
 * Every product of this package multiplies gathered rows by a matrix, two rows at a time.
 *
 * A list names the rows of a block. For every pair of rows it holds the number of parts. For each part it then holds
 * the index of the part in b, and the addresses where the two rows begin. A plain product has one part. A convolution
 * has one part for each tap of its filter.
 */

/** Rows whose list is made at once. They are few enough for their values to stay in the cache. */
export const ROWS_AT_ONCE = 32

/** Size of a block's list in float32 values. */
@inline
export function rowListSize(parts: i32): i32 {
  return (ROWS_AT_ONCE / 2) * (1 + 3 * parts)
}

/**
 * c = a b, or c += a b, or c = a b + bias. Every value of c is summed in the order of k.
 *
 * a: [m, k] with any strides, so a transposed operand needs no copy. b: [k, n]. c: [m, n]. The values of a row of b or
 * c are neighbours. bias: [n], or address 0. Strides are in values. list: memory for rowListSize(1) values.
 */
export function product(
  a: usize,
  aRow: i32,
  aColumn: i32,
  b: usize,
  bRow: i32,
  bias: usize,
  c: usize,
  cRow: i32,
  m: i32,
  n: i32,
  k: i32,
  accumulate: bool,
  list: usize,
): void {
  for (let row = 0; row < m; row += ROWS_AT_ONCE) {
    const rows = min(ROWS_AT_ONCE, m - row)
    const block = a + ((<usize>(row * aRow)) << 2)
    const to = c + ((<usize>(row * cRow)) << 2)
    listRows(block, aRow, rows, list)
    multiplyRows(list, 1, rows, (<usize>aColumn) << 2, b, (<usize>bRow) << 2, bias, to, (<usize>cRow) << 2, n, k, accumulate)
  }
}

/** Values that `linear` needs in its scratch memory. */
export function linearScratch(): i32 {
  return rowListSize(1)
}

/**
 * y = x w + bias, or y += x w. x: [rows, inner]. w: [inner, out], packed by `pack`. bias: [out], padded, or address 0.
 */
export function linear(
  x: usize,
  weight: usize,
  bias: usize,
  y: usize,
  scratch: usize,
  rows: i32,
  inner: i32,
  out: i32,
  accumulate: bool,
): void {
  product(x, inner, 1, weight, 0, bias, y, out, rows, out, inner, accumulate, scratch)
}

function listRows(a: usize, aRow: i32, rows: i32, list: usize): void {
  const rowBytes = (<usize>aRow) << 2
  for (let row = 0; row < rows; row += 2) {
    store<u32>(list, 1)
    store<u32>(list, 0, 4)
    store<u32>(list, <u32>a, 8)
    store<u32>(list, <u32>(row + 1 < rows ? a + rowBytes : a), 12)
    list += 16
    a += 2 * rowBytes
  }
}

/**
 * The product of listed rows.
 *
 * parts: the largest number of parts of a pair. k: values of a part. aStep: bytes from one value to the next. b: packed
 * by `pack`, with a bRow of 0. For pairs of one part, b may be a matrix with rows `bRow` bytes apart.
 */
export function multiplyRows(
  list: usize,
  parts: i32,
  rows: i32,
  aStep: usize,
  b: usize,
  bRow: usize,
  bias: usize,
  c: usize,
  cRow: usize,
  n: i32,
  k: i32,
  accumulate: bool,
): void {
  const packed = bRow == 0
  const pairBytes = ((<usize>(1 + 3 * parts)) << 2)
  const columns = packed ? padded(n) : n & ~7
  let column = 0
  while (column < columns) {
    const width = panelWidth(column, columns)
    const panel = b + ((<usize>(packed ? column * parts * k : column)) << 2)
    const bStep = packed ? (<usize>width) << 2 : bRow
    const start: usize = bias == 0 ? 0 : bias + ((<usize>column) << 2)
    let pair = list
    let c0 = c + ((<usize>column) << 2)
    for (let row = 0; row < rows; row += 2) {
      // The last of an odd number of rows is computed twice and written to the same place.
      const c1 = row + 1 < rows ? c0 + cRow : c0
      if (width == 24) tile(6, pair, aStep, panel, bStep, start, c0, c1, n - column, k, accumulate)
      else if (width == 16) tile(4, pair, aStep, panel, bStep, start, c0, c1, n - column, k, accumulate)
      else tile(2, pair, aStep, panel, bStep, start, c0, c1, n - column, k, accumulate)
      pair += pairBytes
      c0 += 2 * cRow
    }
    column += width
  }
  for (; column < n; column += 4) {
    const start: usize = bias == 0 ? 0 : bias + ((<usize>column) << 2)
    let pair = list
    let c0 = c + ((<usize>column) << 2)
    for (let row = 0; row < rows; row += 2) {
      const c1 = row + 1 < rows ? c0 + cRow : c0
      edge(pair, aStep, b + ((<usize>column) << 2), bRow, start, c0, c1, n - column, k, accumulate)
      pair += pairBytes
      c0 += 2 * cRow
    }
  }
}

/**
 * Width of the tile at a column. `columns` is the number of all columns, a multiple of eight. The width is 24, or 16 if
 * 24 would leave a tile of eight. Two rows by 24 columns are twelve running sums. With their operands they fill the
 * registers of x86 without AVX-512. With eight columns the processor waits for the results of its sums.
 */
@inline
export function panelWidth(column: i32, columns: i32): i32 {
  const left = columns - column
  return left == 8 ? 8 : left == 16 || left == 32 ? 16 : 24
}

/** Two rows by `vectors` · 4 columns. `vectors` is 2, 4 or 6, and a constant in each inlined copy. */
@inline
function tile(
  vectors: i32,
  pair: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  start: usize,
  c0: usize,
  c1: usize,
  left: i32,
  k: i32,
  accumulate: bool,
): void {
  let s00 = f32x4.splat(0)
  let s01 = s00
  let s02 = s00
  let s03 = s00
  let s04 = s00
  let s05 = s00
  let s10 = s00
  let s11 = s00
  let s12 = s00
  let s13 = s00
  let s14 = s00
  let s15 = s00
  if (accumulate || start != 0) {
    const start0 = accumulate ? c0 : start
    const start1 = accumulate ? c1 : start
    s00 = v128.load(start0)
    s10 = v128.load(start1)
    s01 = v128.load(start0, 16)
    s11 = v128.load(start1, 16)
    if (vectors > 2) {
      s02 = v128.load(start0, 32)
      s12 = v128.load(start1, 32)
      s03 = v128.load(start0, 48)
      s13 = v128.load(start1, 48)
    }
    if (vectors > 4) {
      s04 = v128.load(start0, 64)
      s14 = v128.load(start1, 64)
      s05 = v128.load(start0, 80)
      s15 = v128.load(start1, 80)
    }
  }
  const partBytes = <usize>k * bStep
  // A product without parts is the start value of its sums.
  let parts = k == 0 ? 0 : load<u32>(pair)
  pair += 4
  while (parts > 0) {
    let at = b + <usize>load<u32>(pair) * partBytes
    let a0 = <usize>load<u32>(pair, 4)
    let a1 = <usize>load<u32>(pair, 8)
    const end = at + partBytes
    do {
      const x0 = v128.load32_splat(a0)
      const x1 = v128.load32_splat(a1)
      const b0 = v128.load(at)
      s00 = multiplyAdd(x0, b0, s00)
      s10 = multiplyAdd(x1, b0, s10)
      const b1 = v128.load(at, 16)
      s01 = multiplyAdd(x0, b1, s01)
      s11 = multiplyAdd(x1, b1, s11)
      if (vectors > 2) {
        const b2 = v128.load(at, 32)
        s02 = multiplyAdd(x0, b2, s02)
        s12 = multiplyAdd(x1, b2, s12)
        const b3 = v128.load(at, 48)
        s03 = multiplyAdd(x0, b3, s03)
        s13 = multiplyAdd(x1, b3, s13)
      }
      if (vectors > 4) {
        const b4 = v128.load(at, 64)
        s04 = multiplyAdd(x0, b4, s04)
        s14 = multiplyAdd(x1, b4, s14)
        const b5 = v128.load(at, 80)
        s05 = multiplyAdd(x0, b5, s05)
        s15 = multiplyAdd(x1, b5, s15)
      }
      a0 += aStep
      a1 += aStep
      at += bStep
    } while (at != end)
    pair += 12
    parts--
  }
  putTwo(c0, s00, s01, left)
  putTwo(c1, s10, s11, left)
  if (vectors > 2) {
    putTwo(c0 + 32, s02, s03, left - 8)
    putTwo(c1 + 32, s12, s13, left - 8)
  }
  if (vectors > 4) {
    putTwo(c0 + 64, s04, s05, left - 16)
    putTwo(c1 + 64, s14, s15, left - 16)
  }
}

@inline
function putTwo(at: usize, first: v128, second: v128, left: i32): void {
  put(at, first, left)
  if (left > 4) put(at + 16, second, left - 4)
}

/** Two rows by the last one to four columns of a matrix that is not packed. */
function edge(
  pair: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  start: usize,
  c0: usize,
  c1: usize,
  left: i32,
  k: i32,
  accumulate: bool,
): void {
  let s0 = accumulate ? take(c0, left) : start != 0 ? take(start, left) : f32x4.splat(0)
  let s1 = accumulate ? take(c1, left) : s0
  let a0 = <usize>load<u32>(pair, 8)
  let a1 = <usize>load<u32>(pair, 12)
  for (let i = 0; i < k; i++) {
    const column = take(b, left)
    s0 = multiplyAdd(v128.load32_splat(a0), column, s0)
    s1 = multiplyAdd(v128.load32_splat(a1), column, s1)
    a0 += aStep
    a1 += aStep
    b += bStep
  }
  put(c0, s0, left)
  put(c1, s1, left)
}

/** to: [columns, toRow] = factor · fromᵀ, with zeros behind each row. from: [rows, columns], fromRow values apart. */
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
