import { checkArgument } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import { expectGrey, type GreyImage, type RgbImage } from "../../image.ts"

/** Eight-bit colour with alpha, four bytes a pixel: `data.length === width * height * 4`. */
export interface RgbaImage {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

const { fround } = Math

/**
 * A picture on white ground: what ControlNet's programs make of alpha.
 *
 * Source: `HWC3` of ControlNet's annotators.
 *
 * @throws CoreError when the data does not fit the sides
 */
export function onWhite(image: RgbaImage): RgbImage {
  expectRgba(image)
  const { width, height, data } = image
  const result = new Uint8Array(width * height * 3)
  for (let i = 0, from = 0; i < result.length; from += 4) {
    const alpha = fround((data[from + 3] as number) / 255)
    const ground = fround(255 * fround(1 - alpha))
    for (let channel = 0; channel < 3; channel++) {
      result[i++] = Math.trunc(fround(fround((data[from + channel] as number) * alpha) + ground))
    }
  }
  return { width, height, data: result }
}

/**
 * An inpaint mask as sd-webui-controlnet shows it: what is to be drawn is half as opaque.
 *
 * @throws CoreError when the data does not fit the sides
 */
export function showInpaintMask(image: RgbaImage): RgbaImage {
  expectRgba(image)
  const data = image.data.map((value, i) => (i % 4 === 3 ? 255 - (value >> 1) : value))
  return { ...image, data }
}

/** A mask of 0 and 1: 1 where the mask is at least half white. [height, width] */
export function binaryMask(mask: GreyImage): Float32Array {
  expectGrey(mask)
  return Float32Array.from(mask.data, (value) => (fround(value / 255) < 0.5 ? 0 : 1))
}

/** Expects a picture with alpha. @throws CoreError when its data does not fit its size */
export function expectRgba(image: RgbaImage): void {
  checkArgument("image: the picture", image, "an object")
  const { width, height, data } = image
  checkArgument("image: the picture's data", data, "an object")
  if (data.length === width * height * 4) return
  throw new CoreError(
    "picture-data",
    `image: ${width} x ${height} with alpha needs ${width * height * 4} bytes, got ${data.length}`,
  )
}
