import { product, rowListSize } from "./product"
import { multiplyAdd, padded } from "./vector"
import { listPlaces } from "./winograd"

/*
 * Convolutions of 3×3 without stride, by Winograd's minimal filtering F(4×4, 3×3): a tile of 4×4 outputs takes 36
 * multiplications for each pair of channels instead of 144. The points are 0, ±√½, ±√2 and ∞. Errors are then up
 * to twice those of a direct convolution, and half as large as with the usual points 0, ±1, ±2 and ∞.
 */

/** Pixels on a side of what a tile reads. */
const SIDE = 6

/** Values of a transformed tile, and matrices of a transformed filter. */
const SPOTS = SIDE * SIDE

/** Outputs on a side of a tile. */
const OUTPUTS = 4

/** Tiles that are transformed at once. They are few enough for their values to stay in the cache. */
const TILES = 32

/** Values between the tiles of two spots. Without them, all spots of a tile would take the same lines of a cache. */
const GAP = 16

/** Numbers that the transforms read from memory, as in kernels/math.ts. Where they stand, in bytes. */
const MINUS_5_HALVES: usize = 0
const MINUS_2: usize = 4
const MINUS_HALF: usize = 8
const A: usize = 12
const MINUS_A: usize = 16
const B: usize = 20
const MINUS_B: usize = 24
const HALF: usize = 28
const TWO: usize = 32
const NUMBERS = 12

/** Values that `convolveFours` needs in its scratch memory. */
export function convolveFoursScratch(inner: i32, out: i32): i32 {
  const tiles = SPOTS * (TILES * (inner + out) + 2 * GAP)
  return tiles + SPOTS * inner + SIDE * OUTPUTS * out + rowListSize(1) + SPOTS + NUMBERS + inner + out
}

/** As `convolveTiles`, in tiles of 4×4 outputs. weight: packed by `packFours`. */
export function convolveFours(
  x: usize,
  weight: usize,
  bias: usize,
  y: usize,
  scratch: usize,
  n: i32,
  height: i32,
  width: i32,
  inner: i32,
  outHeight: i32,
  outWidth: i32,
  out: i32,
  top: i32,
  left: i32,
): void {
  const innerBytes = (<usize>inner) << 2
  const outBytes = (<usize>out) << 2
  const readStep = TILES * innerBytes + (GAP << 2)
  const writtenStep = TILES * outBytes + (GAP << 2)
  const matrixBytes = (<usize>(padded(out) * inner)) << 2
  const read = scratch
  const written = read + SPOTS * readStep
  const rows = written + SPOTS * writtenStep
  const sums = rows + SPOTS * innerBytes
  const list = sums + SIDE * OUTPUTS * outBytes
  const places = list + ((<usize>rowListSize(1)) << 2)
  const numbers = places + (SPOTS << 2)
  const zeros = numbers + (NUMBERS << 2)
  const unread = zeros + innerBytes
  memory.fill(zeros, 0, innerBytes)
  setNumbers(numbers)
  const down = (outHeight + 3) >> 2
  const across = (outWidth + 3) >> 2
  const tiles = n * down * across
  for (let start = 0; start < tiles; start += TILES) {
    const count = min(TILES, tiles - start)
    for (let t = 0; t < count; t++) {
      const tile = start + t
      const row = tile / across
      const picture = x + <usize>((row / down) * height * width) * innerBytes
      listPlaces(SIDE, picture, 4 * (row % down) - top, 4 * (tile % across) - left, height, width, inner, zeros, places)
      readTile(places, rows, read + <usize>t * innerBytes, readStep, innerBytes, numbers)
    }
    for (let spot = 0; spot < SPOTS; spot++) {
      const from = read + <usize>spot * readStep
      const to = written + <usize>spot * writtenStep
      product(from, inner, 1, weight + <usize>spot * matrixBytes, 0, 0, to, out, count, out, inner, false, list)
    }
    for (let t = 0; t < count; t++) {
      const tile = start + t
      const tileRow = tile / across
      const row = 4 * (tileRow % down)
      const column = 4 * (tile % across)
      const at = y + <usize>(((tileRow / down) * outHeight + row) * outWidth + column) * outBytes
      const rowsLeft = outHeight - row
      const columnsLeft = min(OUTPUTS, outWidth - column)
      const rowBytes = <usize>outWidth * outBytes
      const from = written + <usize>t * outBytes
      writeTile(from, writtenStep, sums, bias, at, rowBytes, rowsLeft, columnsLeft, unread, outBytes, numbers)
    }
  }
}

function setNumbers(at: usize): void {
  store<f32>(at, -2.5, MINUS_5_HALVES)
  store<f32>(at, -2, MINUS_2)
  store<f32>(at, -0.5, MINUS_HALF)
  store<f32>(at, 0.7071067811865476, A)
  store<f32>(at, -0.7071067811865476, MINUS_A)
  store<f32>(at, 1.4142135623730951, B)
  store<f32>(at, -1.4142135623730951, MINUS_B)
  store<f32>(at, 0.5, HALF)
  store<f32>(at, 2, TWO)
}

/** Bᵀ d B of the pixels d at `places`, first along rows. The values of each spot are `step` bytes apart. */
function readTile(places: usize, rows: usize, to: usize, step: usize, bytes: usize, numbers: usize): void {
  for (let row = 0; row < SIDE; row++) {
    const d0 = <usize>load<u32>(places)
    const d1 = <usize>load<u32>(places, 4)
    const d2 = <usize>load<u32>(places, 8)
    const d3 = <usize>load<u32>(places, 12)
    const d4 = <usize>load<u32>(places, 16)
    const d5 = <usize>load<u32>(places, 20)
    readSix(d0, d1, d2, d3, d4, d5, rows + <usize>(SIDE * row) * bytes, bytes, bytes, numbers)
    places += SIDE << 2
  }
  const next = SIDE * bytes
  for (let column = 0; column < SIDE; column++) {
    const d = rows + <usize>column * bytes
    const at = to + <usize>column * step
    readSix(d, d + next, d + 2 * next, d + 3 * next, d + 4 * next, d + 5 * next, at, SIDE * step, bytes, numbers)
  }
}

/** Bᵀ d of six values d for each channel. Results are `step` bytes apart. */
@inline
function readSix(
  d0: usize,
  d1: usize,
  d2: usize,
  d3: usize,
  d4: usize,
  d5: usize,
  to: usize,
  step: usize,
  bytes: usize,
  numbers: usize,
): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    const x1 = v128.load(d1 + c)
    const x2 = v128.load(d2 + c)
    const x3 = v128.load(d3 + c)
    const x4 = v128.load(d4 + c)
    let at = to + c
    const minus5Halves = v128.load32_splat(numbers, MINUS_5_HALVES)
    v128.store(at, multiplyAdd(x2, minus5Halves, f32x4.add(v128.load(d0 + c), x4)))
    at += step
    const minus2 = v128.load32_splat(numbers, MINUS_2)
    let even = multiplyAdd(x2, minus2, x4)
    let odd = multiplyAdd(x1, minus2, x3)
    v128.store(at, multiplyAdd(odd, v128.load32_splat(numbers, A), even))
    at += step
    v128.store(at, multiplyAdd(odd, v128.load32_splat(numbers, MINUS_A), even))
    at += step
    const minusHalf = v128.load32_splat(numbers, MINUS_HALF)
    even = multiplyAdd(x2, minusHalf, x4)
    odd = multiplyAdd(x1, minusHalf, x3)
    v128.store(at, multiplyAdd(odd, v128.load32_splat(numbers, B), even))
    at += step
    v128.store(at, multiplyAdd(odd, v128.load32_splat(numbers, MINUS_B), even))
    at += step
    v128.store(at, multiplyAdd(x3, minus5Halves, f32x4.add(x1, v128.load(d5 + c))))
  }
}

/**
 * Aᵀ m A + bias of the products m. y: the first output, with rows `rowBytes` apart, `height` of them, and `width` columns.
 * Rows beyond `height` go to `unread`.
 */
function writeTile(
  m: usize,
  step: usize,
  sums: usize,
  bias: usize,
  y: usize,
  rowBytes: usize,
  height: i32,
  width: i32,
  unread: usize,
  bytes: usize,
  numbers: usize,
): void {
  for (let row = 0; row < SIDE; row++) {
    const to = sums + <usize>(OUTPUTS * row) * bytes
    writeFour(m, step, 0, to, to + bytes, to + 2 * bytes, to + 3 * bytes, bytes, numbers)
    m += SIDE * step
  }
  for (let column = 0; column < width; column++) {
    const second = height > 1 ? y + rowBytes : unread
    const third = height > 2 ? y + 2 * rowBytes : unread
    const fourth = height > 3 ? y + 3 * rowBytes : unread
    writeFour(sums, OUTPUTS * bytes, bias, y, second, third, fourth, bytes, numbers)
    sums += bytes
    y += bytes
  }
}

/** Aᵀ m + bias of six values m for each channel, `step` bytes apart. bias: an address, or 0. */
function writeFour(
  m: usize,
  step: usize,
  bias: usize,
  y0: usize,
  y1: usize,
  y2: usize,
  y3: usize,
  bytes: usize,
  numbers: usize,
): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    let at = m + c
    let first = v128.load(at)
    at += step
    const m1 = v128.load(at)
    at += step
    const m2 = v128.load(at)
    at += step
    const m3 = v128.load(at)
    at += step
    const m4 = v128.load(at)
    at += step
    let last = v128.load(at)
    const even1 = f32x4.add(m1, m2)
    const even2 = f32x4.add(m3, m4)
    const odd1 = f32x4.mul(f32x4.sub(m1, m2), v128.load32_splat(numbers, A))
    const odd2 = f32x4.mul(f32x4.sub(m3, m4), v128.load32_splat(numbers, B))
    const half = v128.load32_splat(numbers, HALF)
    const two = v128.load32_splat(numbers, TWO)
    first = f32x4.add(first, f32x4.add(even1, even2))
    let second = f32x4.add(odd1, odd2)
    let third = multiplyAdd(even2, two, f32x4.mul(even1, half))
    last = multiplyAdd(odd2, two, multiplyAdd(odd1, half, last))
    if (bias != 0) {
      const start = v128.load(bias + c)
      first = f32x4.add(first, start)
      second = f32x4.add(second, start)
      third = f32x4.add(third, start)
      last = f32x4.add(last, start)
    }
    v128.store(y0 + c, first)
    v128.store(y1 + c, second)
    v128.store(y2 + c, third)
    v128.store(y3 + c, last)
  }
}
