import type { GreyImage, RgbImage } from "../../image.ts"
import { channelsOf } from "../../image.ts"
import { checkRanges } from "../../number-range.ts"
import { roundHalfEven } from "./resample.ts"

/** Values of pixels before they are rounded. [height, width, channels] */
export interface FloatPixels {
  readonly width: number
  readonly height: number
  readonly channels: number
  readonly data: Float32Array
}

/** A weight of 1 in the fixed point of OpenCV's blur. */
const ONE = 256

/**
 * A Gaussian blur of eight-bit pixels, to the pixel as `cv2.GaussianBlur(image, (0, 0), sigma)`. Outside of the
 * picture, it is mirrored without its edge.
 *
 * Source: OpenCV 5.0 imgproc/smooth.dispatch.cpp, `getGaussianKernelFixedPoint_ED`.
 *
 * @param sigma in pixels, above 0 and at most 1000
 * @throws CoreError for another sigma
 */
export function gaussianBlur<Image extends RgbImage | GreyImage>(image: Image, sigma: number): Image {
  const channels = channelsOf(image)
  checkRanges("blur", { sigma }, { sigma: { above: 0, max: 1000 } })
  const { width, height } = image
  const kernel = fixedKernel(gaussian(sigma, 3))
  const rows = alongRows(image.data, { width, height, channels }, kernel)
  const sums = alongColumns(rows, { width: width * channels, height }, kernel)
  const data = new Uint8Array(sums.length)
  for (let i = 0; i < data.length; i++) data[i] = Math.floor(((sums[i] as number) + ONE ** 2 / 2) / ONE ** 2)
  return { ...image, data }
}

/** The same blur of floats, with a wider kernel in float32. */
export function gaussianBlurFloats(pixels: FloatPixels, sigma: number): FloatPixels {
  const { width, height, channels, data } = pixels
  const kernel = gaussian(sigma, 4).map(Math.fround)
  const rows = alongRows(data, { width, height, channels }, kernel)
  return { ...pixels, data: Float32Array.from(alongColumns(rows, { width: width * channels, height }, kernel)) }
}

/** The eight-bit pixels as floats. */
export function floatsOf(image: RgbImage | GreyImage): FloatPixels {
  const { width, height, data } = image
  return { width, height, channels: channelsOf(image), data: Float32Array.from(data) }
}

/** A normalised kernel of odd length that reaches over `reach` sigmas. */
function gaussian(sigma: number, reach: number): readonly number[] {
  const length = roundHalfEven(sigma * reach * 2 + 1) | 1
  const half = (length - 1) / 2
  const weights = Array.from({ length }, (_, i) => Math.exp(-((i - half) ** 2) / (2 * sigma ** 2)))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map((weight) => weight / sum)
}

/** Whole weights that sum to ONE. What rounding loses goes to the next weight, and the rest to the middle. */
function fixedKernel(kernel: readonly number[]): readonly number[] {
  const half = (kernel.length - 1) / 2
  const fixed = new Array<number>(kernel.length).fill(0)
  let error = 0
  let sum = 0
  for (let i = 0; i < half; i++) {
    const exact = (kernel[i] as number) * ONE + error
    const weight = roundHalfEven(exact)
    error = exact - weight
    fixed[i] = weight
    fixed[kernel.length - 1 - i] = weight
    sum += 2 * weight
  }
  fixed[half] = ONE - sum
  return fixed
}

/** Sums along each row of interleaved channels. */
function alongRows(
  data: ArrayLike<number>,
  { width, height, channels }: Pick<FloatPixels, "width" | "height" | "channels">,
  kernel: readonly number[],
): Float32Array {
  const half = (kernel.length - 1) / 2
  const places = mirrored(width, half)
  const result = new Float32Array(width * height * channels)
  for (let y = 0; y < height; y++) {
    const start = y * width * channels
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0
        for (let i = 0; i < kernel.length; i++) {
          sum += (kernel[i] as number) * (data[start + (places[x + i] as number) * channels + channel] as number)
        }
        result[start + x * channels + channel] = sum
      }
    }
  }
  return result
}

function alongColumns(
  rows: Float32Array,
  { width, height }: { readonly width: number; readonly height: number },
  kernel: readonly number[],
): Float64Array {
  const half = (kernel.length - 1) / 2
  const places = mirrored(height, half)
  const result = new Float64Array(rows.length)
  for (let y = 0; y < height; y++) {
    for (let i = 0; i < kernel.length; i++) {
      const weight = kernel[i] as number
      const from = (places[y + i] as number) * width
      for (let x = 0; x < width; x++) {
        const at = y * width + x
        result[at] = (result[at] as number) + weight * (rows[from + x] as number)
      }
    }
  }
  return result
}

/** Places from -reach to length - 1 + reach, mirrored without the edge: `BORDER_REFLECT_101`. */
function mirrored(length: number, reach: number): Int32Array {
  const places = new Int32Array(length + 2 * reach)
  const period = 2 * (length - 1)
  for (let i = 0; i < places.length; i++) {
    if (length === 1) continue
    const place = (((i - reach) % period) + period) % period
    places[i] = place < length ? place : period - place
  }
  return places
}
