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
export function placeOf(column: i32, part: i32, i: i32, columns: i32, parts: i32, k: i32): usize {
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
