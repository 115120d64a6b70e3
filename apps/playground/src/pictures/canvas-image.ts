import type { RgbImage } from "@lllite/core/image"
import { canny, cropCentre, greyToRgb, resizeImage, rgbToGrey } from "@lllite/core/image"
import { cannyThresholds } from "@lllite/tiny"
import { changesOf, type PictureChange } from "./picture-changes.ts"

/** Pixels of a side. The tiny SDXL draws best at this size. */
export const SIZE = 128

/** The largest side of a picture in pixels. A file of a few bytes may claim any size. */
const MOST_PIXELS = 8192

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
function pixelsOf(canvas: HTMLCanvasElement | OffscreenCanvas): Uint8ClampedArray {
  const context = canvas.getContext("2d", { willReadFrequently: true }) as
    | CanvasRenderingContext2D
    | OffscreenCanvasRenderingContext2D
    | null
  if (context === null)
    throw new Error("this browser gives the page no canvas. Reload the page, or use another browser.")
  return context.getImageData(0, 0, canvas.width, canvas.height).data
}

/** A picture on a white ground. rgba: four bytes for each pixel */
function onWhite(width: number, height: number, pixels: Uint8ClampedArray): RgbImage {
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < width * height; i++) {
    const alpha = (pixels[4 * i + 3] ?? 0) / 255
    for (let channel = 0; channel < 3; channel++) {
      data[3 * i + channel] = Math.round(255 + ((pixels[4 * i + channel] ?? 0) - 255) * alpha)
    }
  }
  return { width, height, data }
}

/** A picture that was read, and what it does not show of its file. */
export interface FittedPicture {
  readonly image: RgbImage
  readonly changes: readonly PictureChange[]
}

/**
 * Reads a picture file and fits it into a square. It is resized like training pictures and cropped at the centre. The
 * browser turns it as its EXIF orientation says.
 *
 * @throws Error when the browser cannot read it or it is too large
 */
export async function readPicture(file: Blob, size: number): Promise<FittedPicture> {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" }).catch(
    () => null,
  )
  const name = file instanceof File ? `"${file.name}"` : "the file"
  if (bitmap === null) throw new Error(`${name} is not a picture that this browser reads. Open a PNG, JPEG or WebP.`)
  try {
    const { width, height } = bitmap
    if (Math.max(width, height) > MOST_PIXELS) {
      throw new Error(`${name} is ${width} × ${height} px, expected at most ${MOST_PIXELS} a side. Make it smaller.`)
    }
    const canvas = new OffscreenCanvas(width, height)
    const context = canvas.getContext("2d", { willReadFrequently: true })
    context?.drawImage(bitmap, 0, 0)
    const pixels = pixelsOf(canvas)
    const image = fitSquare(onWhite(width, height, pixels), size)
    return { image, changes: changesOf(width, height, pixels) }
  } finally {
    bitmap.close()
  }
}

/** Resizes a picture to cover a square, and crops it to the square. */
export function fitSquare(image: RgbImage, size: number): RgbImage {
  const scale = size / Math.min(image.width, image.height)
  const width = Math.max(size, Math.round(image.width * scale))
  const height = Math.max(size, Math.round(image.height * scale))
  return cropCentre(resizeImage(image, width, height, scale < 1 ? "area" : "lanczos"), size, size)
}
