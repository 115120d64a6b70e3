import type { RgbImage } from "@lllite/core/image"

/** A mask of a size in which nothing changes. */
export function emptyMask(width: number, height: number): RgbImage {
  return { width, height, data: new Uint8Array(3 * width * height) }
}

/** The mask of what is not in a mask. */
export function invertedMask({ width, height, data }: RgbImage): RgbImage {
  return { width, height, data: data.map((value) => 255 - value) }
}

/** The part of a mask that changes, 0 to 1. */
export function maskedShare({ data }: RgbImage): number {
  let sum = 0
  for (let at = 0; at < data.length; at += 3) sum += data[at] ?? 0
  return sum / (255 * (data.length / 3))
}

/** The mask of a canvas: white where it is painted. @param rgba four bytes for each pixel */
export function maskOfPaint(width: number, height: number, rgba: Uint8ClampedArray): RgbImage {
  const data = new Uint8Array(3 * width * height)
  for (let i = 0; i < width * height; i++) data.fill(rgba[4 * i + 3] ?? 0, 3 * i, 3 * i + 3)
  return { width, height, data }
}

/** A mask as paint: four bytes for each pixel, of one colour, opaque where the mask is white. */
export function paintOf({ width, height, data }: RgbImage, colour: readonly [number, number, number]): ImageData {
  const paint = new ImageData(width, height)
  for (let i = 0; i < width * height; i++) paint.data.set([...colour, data[3 * i] ?? 0], 4 * i)
  return paint
}
