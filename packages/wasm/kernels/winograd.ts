import { padded } from "./vector"
import { product, rowListSize } from "./product"

/*
 * Convolutions of 3×3 without stride, by Winograd's minimal filtering F(2×2, 3×3): a tile of 2×2 outputs takes 16
 * multiplications for each pair of channels instead of 36. Source: Lavin and Gray 2016, https://arxiv.org/abs/1509.09308.
 */

/** Values of a transformed tile, and matrices of a transformed filter. */
const SPOTS = 16

/** Tiles that are transformed at once. They are few enough for their values to stay in the cache. */
const TILES = 32

/** Values between the tiles of two spots. Without them, all spots of a tile would take the same lines of a cache. */
const GAP = 16

/** Values that `convolveTiles` needs in its scratch memory: both kinds of tiles, a list, addresses, and zeros. */
export function convolveTilesScratch(inner: i32, out: i32): i32 {
  return SPOTS * (TILES * (inner + out) + 2 * GAP) + rowListSize(1) + SPOTS + inner
}

/**
 * A convolution of 3×3 with stride 1, in tiles of 2×2 outputs.
 *
 * x: [n, height, width, inner]. y: [n, outHeight, outWidth, out]. weight: packed by `packTiles`. bias: [out] or address
 * 0. Both inner and out are multiples of four. Output (0, 0) reads x from (−top, −left) on. Backward, the weight is made
 * of that of `packBackward`.
 */
export function convolveTiles(
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
  const readStep = (<usize>(TILES * inner + GAP)) << 2
  const writtenStep = (<usize>(TILES * out + GAP)) << 2
  const matrixBytes = ((<usize>(padded(out) * inner)) << 2)
  const read = scratch
  const written = read + SPOTS * readStep
  const list = written + SPOTS * writtenStep
  const places = list + ((<usize>rowListSize(1)) << 2)
  const zeros = places + (SPOTS << 2)
  memory.fill(zeros, 0, (<usize>inner) << 2)
  const down = (outHeight + 1) >> 1
  const across = (outWidth + 1) >> 1
  const tiles = n * down * across
  for (let start = 0; start < tiles; start += TILES) {
    const count = min(TILES, tiles - start)
    for (let t = 0; t < count; t++) {
      const tile = start + t
      const rows = tile / across
      const picture = x + ((<usize>((rows / down) * height * width * inner)) << 2)
      listPlaces(4, picture, 2 * (rows % down) - top, 2 * (tile % across) - left, height, width, inner, zeros, places)
      readTile(places, read + ((<usize>(t * inner)) << 2), readStep, inner)
    }
    for (let spot = 0; spot < SPOTS; spot++) {
      const from = read + <usize>spot * readStep
      const to = written + <usize>spot * writtenStep
      product(from, inner, 1, weight + <usize>spot * matrixBytes, 0, 0, to, out, count, out, inner, false, list)
    }
    for (let t = 0; t < count; t++) {
      const tile = start + t
      const rows = tile / across
      const row = 2 * (rows % down)
      const column = 2 * (tile % across)
      const at = y + ((<usize>((((rows / down) * outHeight + row) * outWidth + column) * out)) << 2)
      const below: usize = row + 1 < outHeight ? (<usize>(outWidth * out)) << 2 : 0
      const beside: usize = column + 1 < outWidth ? (<usize>out) << 2 : 0
      writeTile(written + ((<usize>(t * out)) << 2), writtenStep, bias, at, below, beside, out)
    }
  }
}

/** Writes the addresses of the side × side pixels that a tile reads. Those outside of the picture are `zeros`. */
export function listPlaces(
  side: i32,
  picture: usize,
  row: i32,
  column: i32,
  height: i32,
  width: i32,
  inner: i32,
  zeros: usize,
  places: usize,
): void {
  for (let i = 0; i < side; i++) {
    for (let j = 0; j < side; j++) {
      // As unsigned numbers, negative ones are large.
      const isInside = <u32>(row + i) < <u32>height && <u32>(column + j) < <u32>width
      const at = isInside ? picture + ((<usize>(((row + i) * width + column + j) * inner)) << 2) : zeros
      store<u32>(places, <u32>at)
      places += 4
    }
  }
}

/** Bᵀ d B of the pixels d at `places`. The values of each spot are `step` bytes apart. */
function readTile(places: usize, to: usize, step: usize, inner: i32): void {
  const end = (<usize>inner) << 2
  for (let c: usize = 0; c < end; c += 16) {
    let a = pixel(places, 0, c)
    let b = pixel(places, 4, c)
    let d = pixel(places, 8, c)
    let e = pixel(places, 12, c)
    const r00 = f32x4.sub(a, d)
    const r01 = f32x4.add(b, d)
    const r02 = f32x4.sub(d, b)
    const r03 = f32x4.sub(b, e)
    a = pixel(places, 16, c)
    b = pixel(places, 20, c)
    d = pixel(places, 24, c)
    e = pixel(places, 28, c)
    const r10 = f32x4.sub(a, d)
    const r11 = f32x4.add(b, d)
    const r12 = f32x4.sub(d, b)
    const r13 = f32x4.sub(b, e)
    a = pixel(places, 32, c)
    b = pixel(places, 36, c)
    d = pixel(places, 40, c)
    e = pixel(places, 44, c)
    const r20 = f32x4.sub(a, d)
    const r21 = f32x4.add(b, d)
    const r22 = f32x4.sub(d, b)
    const r23 = f32x4.sub(b, e)
    a = pixel(places, 48, c)
    b = pixel(places, 52, c)
    d = pixel(places, 56, c)
    e = pixel(places, 60, c)
    let at = to + c
    at = spot(at, step, f32x4.sub(r00, r20))
    at = spot(at, step, f32x4.sub(r01, r21))
    at = spot(at, step, f32x4.sub(r02, r22))
    at = spot(at, step, f32x4.sub(r03, r23))
    at = spot(at, step, f32x4.add(r10, r20))
    at = spot(at, step, f32x4.add(r11, r21))
    at = spot(at, step, f32x4.add(r12, r22))
    at = spot(at, step, f32x4.add(r13, r23))
    at = spot(at, step, f32x4.sub(r20, r10))
    at = spot(at, step, f32x4.sub(r21, r11))
    at = spot(at, step, f32x4.sub(r22, r12))
    at = spot(at, step, f32x4.sub(r23, r13))
    at = spot(at, step, f32x4.sub(r10, f32x4.sub(a, d)))
    at = spot(at, step, f32x4.sub(r11, f32x4.add(b, d)))
    at = spot(at, step, f32x4.sub(r12, f32x4.sub(d, b)))
    spot(at, step, f32x4.sub(r13, f32x4.sub(b, e)))
  }
}

@inline
function pixel(places: usize, index: usize, channel: usize): v128 {
  return v128.load(<usize>load<u32>(places + index) + channel)
}

/** Stores a value, and returns the address of the next spot's. */
@inline
function spot(at: usize, step: usize, value: v128): usize {
  v128.store(at, value)
  return at + step
}

/** Aᵀ m A + bias of the products m. `below` and `beside` are bytes to the other outputs, or 0 where there are none. */
function writeTile(m: usize, step: usize, bias: usize, y: usize, below: usize, beside: usize, out: i32): void {
  const end = (<usize>out) << 2
  for (let c: usize = 0; c < end; c += 16) {
    const start = bias == 0 ? f32x4.splat(0) : v128.load(bias + c)
    let at = m + c
    let upper0 = v128.load(at)
    let upper1 = v128.load(at + step)
    let upper2 = v128.load(at + 2 * step)
    let upper3 = v128.load(at + 3 * step)
    at += 4 * step
    const second0 = v128.load(at)
    const second1 = v128.load(at + step)
    const second2 = v128.load(at + 2 * step)
    const second3 = v128.load(at + 3 * step)
    at += 4 * step
    const third0 = v128.load(at)
    const third1 = v128.load(at + step)
    const third2 = v128.load(at + 2 * step)
    const third3 = v128.load(at + 3 * step)
    at += 4 * step
    upper0 = f32x4.add(upper0, f32x4.add(second0, third0))
    upper1 = f32x4.add(upper1, f32x4.add(second1, third1))
    upper2 = f32x4.add(upper2, f32x4.add(second2, third2))
    upper3 = f32x4.add(upper3, f32x4.add(second3, third3))
    const sums = f32x4.add(upper1, upper2)
    const to = y + c
    v128.store(to, f32x4.add(f32x4.add(upper0, sums), start))
    if (beside != 0) v128.store(to + beside, f32x4.add(f32x4.sub(f32x4.sub(upper1, upper2), upper3), start))
    if (below == 0) continue
    const lower0 = f32x4.sub(f32x4.sub(second0, third0), v128.load(at))
    const lower1 = f32x4.sub(f32x4.sub(second1, third1), v128.load(at + step))
    const lower2 = f32x4.sub(f32x4.sub(second2, third2), v128.load(at + 2 * step))
    const lower3 = f32x4.sub(f32x4.sub(second3, third3), v128.load(at + 3 * step))
    v128.store(to + below, f32x4.add(f32x4.add(lower0, f32x4.add(lower1, lower2)), start))
    if (beside != 0) v128.store(to + below + beside, f32x4.add(f32x4.sub(f32x4.sub(lower1, lower2), lower3), start))
  }
}
