import { checkArgument } from "./argument.ts"
import { CoreError } from "./errors.ts"

/** Eight-bit colour, row by row, red green blue interleaved: `data.length === width * height * 3`. */
export interface RgbImage {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

/** Eight-bit grey, row by row: `data.length === width * height`. */
export interface GreyImage {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

/**
 * How many channels the data of an image holds: 1 or 3.
 *
 * @throws CoreError when a side is not a positive integer or the data has another length.
 */
export function channelsOf(image: RgbImage | GreyImage): 1 | 3 {
  checkArgument("image: the picture", image, "an object")
  const { width, height, data } = image
  checkArgument("image: the picture's data", data, "an object")
  if (!Number.isSafeInteger(width) || !Number.isSafeInteger(height) || width < 1 || height < 1) {
    throw new CoreError("picture-size", `image: sides must be positive integers, got ${width} x ${height}`)
  }
  if (data.length === width * height) return 1
  if (data.length === width * height * 3) return 3
  throw new CoreError(
    "picture-data",
    `image: ${width} x ${height} needs ${width * height} bytes (grey) or ${width * height * 3} (RGB), got ` +
      `${data.length}. Drop an alpha channel before building the image.`,
  )
}

/** Expects a picture of three channels. @throws CoreError for anything else */
export function expectRgb(image: RgbImage): void {
  if (channelsOf(image) !== 3) {
    throw new CoreError(
      "picture-channels",
      `image: expected RGB data for ${image.width} x ${image.height}, got grey. Use greyToRgb first.`,
    )
  }
}

/** Pixels as the networks read them: 0..255 → [-1, 1]. The values have the shape [1, height, width, 3]. */
export function imageToFloats(image: RgbImage): Float32Array {
  expectRgb(image)
  const { data } = image
  const values = new Float32Array(data.length)
  // A plain loop. `Float32Array.from` with a function takes thirty times as long, and this runs for every training
  // step.
  for (let i = 0; i < data.length; i++) values[i] = ((data[i] as number) / 255) * 2 - 1
  return values
}

/**
 * Network output as pixels: [-1, 1] → 0..255, clamped and rounded. values: [1, height, width, 3].
 *
 * @throws CoreError when the length does not fit, or when a value is NaN because the decoder overflowed.
 */
export function floatsToImage(values: ArrayLike<number>, width: number, height: number): RgbImage {
  checkArgument("image: the values", values, "a list of numbers")
  if (values.length !== width * height * 3) {
    throw new CoreError(
      "picture-data",
      `image: ${width} x ${height} RGB needs ${width * height * 3} values, got ${values.length}`,
    )
  }
  const pixels = new Uint8ClampedArray(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    if (Number.isNaN(value)) {
      throw new CoreError(
        "picture-not-finite",
        `image: value ${i} of ${values.length} is NaN. The network overflowed; run it in a wider number format.`,
      )
    }
    // A clamped array saturates and rounds.
    pixels[i] = (value / 2 + 0.5) * 255
  }
  return { width, height, data: new Uint8Array(pixels.buffer) }
}

/**
 * Luma as OpenCV's `COLOR_RGB2GRAY` computes it: 0.299 R + 0.587 G + 0.114 B in 15-bit fixed point, rounded.
 * Source: OpenCV 4 and 5, imgproc/color_rgb.
 */
export function rgbToGrey(image: RgbImage): GreyImage {
  expectRgb(image)
  const data = new Uint8Array(image.width * image.height)
  for (let i = 0; i < data.length; i++) {
    const red = image.data[3 * i] as number
    const green = image.data[3 * i + 1] as number
    const blue = image.data[3 * i + 2] as number
    data[i] = (red * 9798 + green * 19235 + blue * 3735 + (1 << 14)) >> 15
  }
  return { width: image.width, height: image.height, data }
}

/** Expects a grey image. @throws CoreError when it is RGB, or its data does not fit its size */
export function expectGrey(image: GreyImage): void {
  if (channelsOf(image) !== 1) {
    throw new CoreError("picture-channels", `image: expected grey data for ${image.width} x ${image.height}, got RGB`)
  }
}

/** The same grey in all three channels. */
export function greyToRgb(image: GreyImage): RgbImage {
  expectGrey(image)
  const data = new Uint8Array(image.data.length * 3)
  for (let i = 0; i < image.data.length; i++) data.fill(image.data[i] as number, 3 * i, 3 * i + 3)
  return { width: image.width, height: image.height, data }
}
