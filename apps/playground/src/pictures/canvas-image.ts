import type { RgbImage } from "@lllite/core/image"
import { canny, greyToRgb, rgbToGrey } from "@lllite/core/image"
import { cannyThresholds } from "@lllite/tiny"
import { PageError, sentence } from "../language/sentence.ts"

/** Pixels of a side. The tiny SDXL draws best at this size. */
export const SIZE = 128

/** The edges of a picture as a control picture: white on black. */
export function edgesOf(image: RgbImage): RgbImage {
  return greyToRgb(canny(rgbToGrey(image), cannyThresholds))
}

/** A white picture. */
export function blank(size: number): RgbImage {
  return { width: size, height: size, data: new Uint8Array(size * size * 3).fill(255) }
}

/** Reads the picture of a canvas. Transparent pixels become white. */
export function readCanvas(canvas: HTMLCanvasElement | OffscreenCanvas): RgbImage {
  return onWhite(canvas.width, canvas.height, pixelsOf(canvas))
}

/** Four bytes for each pixel. */
export function pixelsOf(canvas: HTMLCanvasElement | OffscreenCanvas): Uint8ClampedArray {
  const context = canvas.getContext("2d", { willReadFrequently: true }) as
    | CanvasRenderingContext2D
    | OffscreenCanvasRenderingContext2D
    | null
  if (context === null) throw new PageError(sentence("page", "noCanvas"))
  return context.getImageData(0, 0, canvas.width, canvas.height).data
}

/** A picture on a white ground. rgba: four bytes for each pixel */
export function onWhite(width: number, height: number, pixels: Uint8ClampedArray): RgbImage {
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < width * height; i++) {
    const alpha = (pixels[4 * i + 3] ?? 0) / 255
    for (let channel = 0; channel < 3; channel++) {
      data[3 * i + channel] = Math.round(255 + ((pixels[4 * i + channel] ?? 0) - 255) * alpha)
    }
  }
  return { width, height, data }
}
