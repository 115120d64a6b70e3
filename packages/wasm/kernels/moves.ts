import { put, take } from "./vector"

/** Copies `count` rows of `bytes` bytes, a multiple of four. The steps are bytes from row to row. */
export function copyRows(from: usize, fromStep: usize, to: usize, toStep: usize, bytes: usize, count: i32): void {
  for (let row = 0; row < count; row++) {
    // For short rows the engine's copy takes longer than the values.
    if (bytes > 1024 || (bytes & 15) != 0) memory.copy(to, from, bytes)
    else for (let at: usize = 0; at < bytes; at += 16) v128.store(to + at, v128.load(from + at))
    from += fromStep
    to += toStep
  }
}

/** sum += x */
export function addTo(sum: usize, x: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const at = (<usize>i) << 2
    put(sum + at, f32x4.add(take(sum + at, count - i), take(x + at, count - i)), count - i)
  }
}

/** Adds a row to all rows of its sample. sum: [n, rows, width]. x: [n, width] */
export function addToSamples(sum: usize, x: usize, n: i32, rows: i32, width: i32): void {
  for (let sample = 0; sample < n; sample++) {
    for (let row = 0; row < rows; row++) {
      addTo(sum, x, width)
      sum += (<usize>width) << 2
    }
    x += (<usize>width) << 2
  }
}
