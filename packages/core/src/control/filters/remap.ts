import type { RgbImage } from "../../image.ts"

const { fround } = Math

/**
 * Each pixel from a place between four pixels: `cv2.remap` with `INTER_LINEAR`. What lies outside is black.
 *
 * Source: OpenCV 5.0 imgproc/warp_kernels.simd.hpp, which computes in float32.
 *
 * @param columns the column of every pixel, [height, width]
 * @param rows its row
 */
export function remap(image: RgbImage, columns: Float32Array, rows: Float32Array): RgbImage {
  const { width, height, data } = image
  const result = new Uint8ClampedArray(columns.length * 3)
  const at = (x: number, y: number, channel: number): number =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : (data[(y * width + x) * 3 + channel] as number)
  // Between a and b, with one rounding, as a fused multiply-add has.
  const between = (a: number, b: number, share: number): number => fround(fround(b - a) * share + a)
  for (let i = 0; i < columns.length; i++) {
    const [column, row] = [columns[i] as number, rows[i] as number]
    const [x, y] = [Math.floor(column), Math.floor(row)]
    const [shareX, shareY] = [fround(column - x), fround(row - y)]
    for (let channel = 0; channel < 3; channel++) {
      const above = between(at(x, y, channel), at(x + 1, y, channel), shareX)
      const below = between(at(x, y + 1, channel), at(x + 1, y + 1, channel), shareX)
      result[3 * i + channel] = between(above, below, shareY)
    }
  }
  return { width, height, data: new Uint8Array(result.buffer) }
}
