import { packedSize, placeOf } from "./pack"
import { padded } from "./vector"

/*
 * Filters of convolutions in tiles: G g Gᵀ for each pair of channels g. Each spot of a tile is a packed matrix of its own,
 * with the columns of the filter. So four columns are made at a time.
 */

/** Number of values of a filter that is packed by `packTiles` for tiles of `side` × `side` outputs. */
export function packedTilesSize(columns: i32, k: i32, side: i32): i32 {
  return (side + 2) * (side + 2) * packedSize(columns, 1, k)
}

/**
 * Makes the filter of `convolveTiles` (side 2) or `convolveFours` (side 4) from one of 3×3 that `pack` or `packBackward`
 * packed. scratch: memory for 144 values.
 */
export function packTiles(from: usize, to: usize, scratch: usize, columns: i32, k: i32, side: i32): void {
  const spots = side + 2
  const size = (<usize>packedSize(columns, 1, k)) << 2
  for (let column = 0; column < padded(columns); column += 4) {
    const first = placeOf(column, 0, 0, columns, 9, k)
    const partBytes = placeOf(column, 1, 0, columns, 9, k) - first
    const rowBytes = partBytes / <usize>k
    let read = from + first
    let at = to + placeOf(column, 0, 0, columns, 1, k)
    for (let i = 0; i < k; i++) {
      for (let row = 0; row < 3; row++) {
        transformThree(read + <usize>(3 * row) * partBytes, partBytes, scratch + <usize>(16 * spots * row), 16, side)
      }
      for (let spot = 0; spot < spots; spot++) {
        const down = <usize>(16 * spots)
        transformThree(scratch + <usize>(16 * spot), down, at + <usize>spot * size, <usize>spots * size, side)
      }
      read += rowBytes
      at += rowBytes
    }
  }
}

/** G g of three values g in four columns. */
function transformThree(g: usize, gStep: usize, to: usize, step: usize, side: i32): void {
  const first = v128.load(g)
  const middle = v128.load(g + gStep)
  const last = v128.load(g + 2 * gStep)
  v128.store(to, first)
  to += step
  if (side == 2) {
    to = putPair(to, step, f32x4.add(first, last), middle, 0.5, 0.5)
  } else {
    // The points ±√½ and ±√2.
    const half = f32x4.mul(last, f32x4.splat(0.5))
    to = putPair(to, step, f32x4.add(first, half), middle, -1.0 / 1.5, -0.7071067811865476 / 1.5)
    to = putPair(to, step, f32x4.add(first, f32x4.add(last, last)), middle, 1.0 / 6.0, 1.4142135623730951 / 6.0)
  }
  v128.store(to, last)
}

/** Stores the values at a point and at its negative. */
@inline
function putPair(to: usize, step: usize, even: v128, odd: v128, evenShare: f32, oddShare: f32): usize {
  const evenPart = f32x4.mul(even, f32x4.splat(evenShare))
  const oddPart = f32x4.mul(odd, f32x4.splat(oddShare))
  v128.store(to, f32x4.add(evenPart, oddPart))
  v128.store(to + step, f32x4.sub(evenPart, oddPart))
  return to + 2 * step
}
