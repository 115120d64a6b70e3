import { expectSize } from "../../image/size.ts"
import type { GreyImage, RgbImage } from "../../image.ts"
import { channelsOf } from "../../image.ts"
import { unknownName } from "../../nearest.ts"
import { areaMean } from "./area-mean.ts"
import type { KernelTaps } from "./kernel-taps.ts"
import { cubicTaps, lanczos4Taps, linearAreaTaps, linearTaps } from "./kernel-taps.ts"

/**
 * OpenCV's ways to resize: `INTER_NEAREST`, `INTER_NEAREST_EXACT`, `INTER_LINEAR`, `INTER_AREA`, `INTER_CUBIC`,
 * `INTER_LANCZOS4`.
 */
export type ResampleKernel = (typeof KERNELS)[number]

const KERNELS = ["nearest", "nearest-exact", "linear", "area", "cubic", "lanczos4"] as const

type Nearest = "nearest" | "nearest-exact"

/** A weight of 1 in OpenCV's fixed point. */
const WEIGHT_ONE = 2 ** 11

/**
 * Resizes a picture to the pixel as `cv2.resize` does. `resizeImage` is PIL's way, which has other weights.
 *
 * Source: OpenCV 5.0 imgproc/resize.cpp.
 *
 * @throws CoreError when a side is not a positive integer, or the image's data does not fit its sides
 */
export function resample<Image extends RgbImage | GreyImage>(
  image: Image,
  width: number,
  height: number,
  kernel: ResampleKernel,
): Image {
  const channels = channelsOf(image)
  expectSize(width, height)
  if (!KERNELS.includes(kernel)) throw unknownName("resize", "kernel", String(kernel), KERNELS)
  if (width === image.width && height === image.height) return image
  const shrinks = width <= image.width && height <= image.height
  const data =
    kernel === "nearest" || kernel === "nearest-exact"
      ? nearest(image, channels, width, height, kernel === "nearest" ? cornerPixels : centrePixels)
      : kernel === "area" && shrinks
        ? areaMean(image, channels, width, height)
        : weighted(image, channels, width, height, kernel)
  return { ...image, width, height, data }
}

function nearest(
  { width: from, height: rows, data }: RgbImage,
  channels: number,
  width: number,
  height: number,
  pixelsOf: (from: number, to: number) => Int32Array,
): Uint8Array {
  const result = new Uint8Array(width * height * channels)
  const across = pixelsOf(from, width)
  let at = 0
  for (const row of pixelsOf(rows, height)) {
    for (const column of across) {
      const pixel = (row * from + column) * channels
      for (let channel = 0; channel < channels; channel++) result[at++] = data[pixel + channel] as number
    }
  }
  return result
}

/** The pixel under the corner of each new one. */
function cornerPixels(from: number, to: number): Int32Array {
  // OpenCV divides by the factor, which rounds otherwise than a product with its inverse.
  const step = 1 / (to / from)
  return Int32Array.from({ length: to }, (_, i) => Math.min(Math.floor(i * step), from - 1))
}

/** The pixel under the centre of each new one, in 16 bits behind the point. */
function centrePixels(from: number, to: number): Int32Array {
  const step = Math.floor((from * 2 ** 16 + Math.floor(to / 2)) / to)
  const start = Math.floor(step / 2) - (from % 2)
  return Int32Array.from({ length: to }, (_, i) => Math.min(Math.floor((step * i + start) / 2 ** 16), from - 1))
}

/**
 * Both axes with weights. Cubic ones are exact, as in Intel's library, which OpenCV uses on x86. Others are in fixed
 * point.
 */
function weighted(
  { width: from, height: rows, data }: RgbImage,
  channels: number,
  width: number,
  height: number,
  kernel: Exclude<ResampleKernel, Nearest>,
): Uint8Array {
  const [across, down] = [tapsOf(kernel, from, width), tapsOf(kernel, rows, height)]
  const line = width * channels
  const sums = alongRows(data, { from, rows, channels }, across)
  const result = new Uint8ClampedArray(height * line)
  const { size } = down
  const finish = kernel === "cubic" ? exactRow : kernel === "lanczos4" ? fixedRow : linearRow
  const sources: Float64Array[] = []
  for (let y = 0; y < height; y++) {
    const weights = down.weights.subarray(y * size, (y + 1) * size)
    for (let i = 0; i < size; i++) {
      const row = clamp((down.first[y] as number) + i, rows)
      sources[i] = sums.subarray(row * line, (row + 1) * line)
    }
    finish(sources, weights, result.subarray(y * line, (y + 1) * line))
  }
  return new Uint8Array(result.buffer)
}

function tapsOf(kernel: Exclude<ResampleKernel, Nearest>, from: number, to: number): KernelTaps {
  if (kernel === "cubic") return cubicTaps(from, to, "double")
  const tapsBy = { area: linearAreaTaps, linear: linearTaps, lanczos4: lanczos4Taps }[kernel]
  const taps = tapsBy(from, to)
  return { ...taps, weights: taps.weights.map((weight) => roundHalfEven(weight * WEIGHT_ONE)) }
}

/** [rows, from, C] → [rows, taps, C], not rounded. */
function alongRows(
  data: Uint8Array,
  { from, rows, channels }: { readonly from: number; readonly rows: number; readonly channels: number },
  { size, first, weights }: KernelTaps,
): Float64Array {
  const width = first.length
  const result = new Float64Array(rows * width * channels)
  let at = 0
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0
        for (let i = 0; i < size; i++) {
          const pixel = y * from + clamp((first[x] as number) + i, from)
          sum += (weights[x * size + i] as number) * (data[pixel * channels + channel] as number)
        }
        result[at++] = sum
      }
    }
  }
  return result
}

type RowFinish = (sources: readonly Float64Array[], weights: Float64Array, row: Uint8ClampedArray) => void

/** A clamped array rounds a half to the even number. */
const exactRow: RowFinish = (sources, weights, row) => {
  for (let x = 0; x < row.length; x++) row[x] = weightedSum(sources, weights, x)
}

/** A half goes up. */
const fixedRow: RowFinish = (sources, weights, row) => {
  for (let x = 0; x < row.length; x++) {
    row[x] = Math.floor(weightedSum(sources, weights, x) / WEIGHT_ONE ** 2 + 0.5)
  }
}

function weightedSum(sources: readonly Float64Array[], weights: Float64Array, x: number): number {
  let sum = 0
  for (let i = 0; i < weights.length; i++) sum += (weights[i] as number) * ((sources[i] as Float64Array)[x] as number)
  return sum
}

/** Two rows. Each product keeps its upper half. */
const linearRow: RowFinish = (sources, weights, row) => {
  const [above, below] = sources as [Float64Array, Float64Array]
  const [w0 = 0, w1 = 0] = weights
  for (let x = 0; x < row.length; x++) {
    const first = (w0 * ((above[x] as number) >> 4)) >> 16
    const second = (w1 * ((below[x] as number) >> 4)) >> 16
    row[x] = (first + second + 2) >> 2
  }
}

/** To the nearest whole number, a half to the even one, as `cvRound` and NumPy's `round`. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1
  return floor % 2 === 0 ? floor : floor + 1
}

function clamp(index: number, count: number): number {
  return index < 0 ? 0 : index >= count ? count - 1 : index
}
