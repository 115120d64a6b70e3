import { multiplyRows, ROWS_AT_ONCE, rowListSize } from "./product"

/** Values that `convolve` needs in its scratch memory: the list of a block's rows, and zeros beyond the border. */
export function convolveScratch(taps: i32, inner: i32): i32 {
  return rowListSize(taps) + inner
}

/**
 * A convolution as a product of gathered rows. The neighbours of a pixel are multiplied in place, without a copy.
 *
 * x: [n, height, width, inner]. y: [n, outHeight, outWidth, out]. weight: packed by `pack`. bias: [out], padded, or
 * address 0.
 *
 * Tap (i, j) of output pixel (r, s) reads x at row (r · up − top + i) / down and column (s · up − left + j) / down. A
 * tap that meets no pixel is left out.
 *
 * Forward, up is the stride and down is 1. Backward, with the weight of `packBackward`, up is 1 and down is the stride.
 * The arguments are their logarithms to base 2.
 */
export function convolve(
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
  kernelHeight: i32,
  kernelWidth: i32,
  up: i32,
  down: i32,
  top: i32,
  left: i32,
): void {
  const taps = kernelHeight * kernelWidth
  const zeros = scratch + ((<usize>rowListSize(taps)) << 2)
  memory.fill(zeros, 0, (<usize>inner) << 2)
  const pixels = n * outHeight * outWidth
  for (let start = 0; start < pixels; start += ROWS_AT_ONCE) {
    const rows = min(ROWS_AT_ONCE, pixels - start)
    let pair = scratch
    for (let row = 0; row < rows; row += 2) {
      const first = start + row
      // The last of an odd number of pixels is listed twice.
      const second = min(first + 1, pixels - 1)
      const rows0 = first / outWidth
      const rows1 = second / outWidth
      const row0 = ((rows0 % outHeight) << up) - top
      const row1 = ((rows1 % outHeight) << up) - top
      const column0 = ((first % outWidth) << up) - left
      const column1 = ((second % outWidth) << up) - left
      const picture0 = x + ((<usize>((rows0 / outHeight) * height * width * inner)) << 2)
      const picture1 = x + ((<usize>((rows1 / outHeight) * height * width * inner)) << 2)
      let parts = 0
      let tap = 0
      let part = pair + 4
      for (let i = 0; i < kernelHeight; i++) {
        for (let j = 0; j < kernelWidth; j++) {
          const at0 = pixelAt(picture0, row0 + i, column0 + j, height, width, inner, down)
          const at1 = pixelAt(picture1, row1 + i, column1 + j, height, width, inner, down)
          if (at0 != 0 || at1 != 0) {
            store<u32>(part, tap)
            store<u32>(part, <u32>(at0 == 0 ? zeros : at0), 4)
            store<u32>(part, <u32>(at1 == 0 ? zeros : at1), 8)
            part += 12
            parts++
          }
          tap++
        }
      }
      store<u32>(pair, parts)
      pair += (<usize>(1 + 3 * taps)) << 2
    }
    const to = y + ((<usize>(start * out)) << 2)
    multiplyRows(scratch, taps, rows, 4, weight, 0, bias, to, (<usize>out) << 2, out, inner, false)
  }
}

/** Address of a pixel, or 0 outside of the picture. */
@inline
function pixelAt(picture: usize, row: i32, column: i32, height: i32, width: i32, inner: i32, down: i32): usize {
  const between = (1 << down) - 1
  if (((row | column) & between) != 0) return 0
  const r = row >> down
  const s = column >> down
  // As unsigned numbers, negative ones are large.
  if (<u32>r >= <u32>height || <u32>s >= <u32>width) return 0
  return picture + ((<usize>((r * width + s) * inner)) << 2)
}
