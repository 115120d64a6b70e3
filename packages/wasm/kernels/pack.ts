import { panelWidth } from "./product"
import { padded } from "./vector"

/*
 * Layout of frozen weights for products. Columns lie in panels as wide as a tile, one panel after another. In each
 * panel the parts of the matrix lie one below another.
 */

/** Number of values of a packed weight. Its columns are padded with zeros to a multiple of eight. */
export function packedSize(columns: i32, parts: i32, k: i32): i32 {
  return padded(columns) * parts * k
}

/** Packs a weight from a file. from: [columns, k, parts] */
export function pack(from: usize, to: usize, columns: i32, parts: i32, k: i32): void {
  memory.fill(to, 0, (<usize>packedSize(columns, parts, k)) << 2)
  for (let column = 0; column < columns; column++) {
    for (let i = 0; i < k; i++) {
      for (let part = 0; part < parts; part++) {
        store<f32>(to + placeOf(column, part, i, columns, parts, k), load<f32>(from))
        from += 4
      }
    }
  }
}

/**
 * Makes the packed weight of the backward pass from that of the forward pass. Columns and k are exchanged, and the
 * parts are in reverse order.
 */
export function packBackward(from: usize, to: usize, columns: i32, parts: i32, k: i32): void {
  memory.fill(to, 0, (<usize>packedSize(k, parts, columns)) << 2)
  for (let column = 0; column < columns; column++) {
    for (let part = 0; part < parts; part++) {
      for (let i = 0; i < k; i++) {
        const value = load<f32>(from + placeOf(column, part, i, columns, parts, k))
        store<f32>(to + placeOf(i, parts - 1 - part, column, k, parts, columns), value)
      }
    }
  }
}

/** Bytes from the start of a packed weight to one of its values. */
@inline
function placeOf(column: i32, part: i32, i: i32, columns: i32, parts: i32, k: i32): usize {
  const start = panelStart(column, columns)
  const width = panelWidth(start, padded(columns))
  return (<usize>(start * parts * k + (part * k + i) * width + column - start)) << 2
}

/** The first column of the panel that a column is in. */
function panelStart(column: i32, columns: i32): i32 {
  const all = padded(columns)
  let start = 0
  let width = panelWidth(start, all)
  while (column >= start + width) {
    start += width
    width = panelWidth(start, all)
  }
  return start
}

/** Number of values of a filter that is packed by `packTiles`. */
export function packedTilesSize(columns: i32, k: i32): i32 {
  return 16 * packedSize(columns, 1, k)
}

/**
 * Makes the filter of `convolveTiles` from one of 3×3 that `pack` or `packBackward` packed: G g Gᵀ for each pair of
 * channels g. Each of the 16 spots is a packed matrix of its own.
 */
export function packTiles(from: usize, to: usize, columns: i32, k: i32): void {
  const size = (<usize>packedSize(columns, 1, k)) << 2
  memory.fill(to, 0, 16 * size)
  for (let column = 0; column < columns; column++) {
    const first = placeOf(column, 0, 0, columns, 9, k)
    const partBytes = placeOf(column, 1, 0, columns, 9, k) - first
    const rowBytes = partBytes / <usize>k
    let read = from + first
    let at = to + placeOf(column, 0, 0, columns, 1, k)
    for (let i = 0; i < k; i++) {
      for (let spot = 0; spot < 16; spot++) {
        let sum: f64 = 0
        for (let part = 0; part < 9; part++) {
          const share = shareOf(spot >> 2, part / 3) * shareOf(spot & 3, part % 3)
          sum += share * <f64>load<f32>(read + <usize>part * partBytes)
        }
        store<f32>(at + <usize>spot * size, <f32>sum)
      }
      read += rowBytes
      at += rowBytes
    }
  }
}

/** A value of G: the rows are 1 0 0, ½ ½ ½, ½ −½ ½ and 0 0 1. */
@inline
function shareOf(row: i32, column: i32): f64 {
  if (row == 0) return column == 0 ? 1 : 0
  if (row == 3) return column == 2 ? 1 : 0
  return row == 2 && column == 1 ? -0.5 : 0.5
}
