import { expectRgb, type GreyImage, type RgbImage } from "../image.ts"

/**
 * A picture as a mask: its luma as PIL's mode L computes it, in 16-bit fixed point. White is 255.
 *
 * Source: PIL `Convert.c`.
 */
export function maskOf(image: RgbImage): GreyImage {
  expectRgb(image)
  const { width, height, data } = image
  const grey = new Uint8Array(width * height)
  for (let i = 0; i < grey.length; i++) {
    const [red = 0, green = 0, blue = 0] = [data[3 * i], data[3 * i + 1], data[3 * i + 2]]
    grey[i] = (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16
  }
  return { width, height, data: grey }
}
