import { checkArgument, checkArguments } from "../argument.ts"
import { resample } from "../control/filters/resample.ts"
import { channelsOf, type GreyImage, type RgbImage } from "../image.ts"
import { unknownName } from "../nearest.ts"
import { expectSize } from "./size.ts"

/**
 * How pixels are weighed. PIL's kernels are `lanczos` over three lobes, `bilinear` over a triangle, and `box`, the pixels
 * whose centre a new pixel covers. OpenCV's are `area`, the exact mean of what a new pixel covers, and three that read the
 * pixels around the new one's centre alone, however much a picture shrinks: `nearest-exact` one, `linear` 2 × 2, `cubic`
 * 4 × 4.
 */
export type ResizeKernel = (typeof KERNELS)[number]

const KERNELS = ["lanczos", "bilinear", "box", "area", "nearest-exact", "linear", "cubic"] as const

/** Which input pixels make one output pixel, and how much of each. */
interface Taps {
  readonly first: number
  readonly weights: Float64Array
}

/** The kernels of PIL, with their reach in pixels. */
const PIL_KERNELS = {
  lanczos: { reach: 3, weight: lanczos },
  bilinear: { reach: 1, weight: triangle },
  box: { reach: 0.5, weight: (distance) => (distance > -0.5 && distance <= 0.5 ? 1 : 0) },
} as const satisfies Record<string, PilKernel>

interface PilKernel {
  readonly reach: number
  readonly weight: (distance: number) => number
}

/**
 * Resizes a picture or a mask, without regard to its aspect. When it shrinks, PIL's kernels are widened so that every
 * pixel counts. `lanczos`, `bilinear` and `box` give PIL's bytes. The code uses no library, so that a pixel is the same
 * on every machine.
 *
 * Source: PIL `Image.resize` (`Resample.c`), OpenCV `INTER_AREA`.
 *
 * @throws CoreError when a side is not a positive integer
 */
export function resizeImage<Image extends RgbImage | GreyImage>(
  image: Image,
  width: number,
  height: number,
  kernel: ResizeKernel,
): Image {
  expectSize(width, height)
  const channels = channelsOf(image)
  if (!KERNELS.includes(kernel)) throw unknownName("resize", "kernel", String(kernel), KERNELS)
  if (width === image.width && height === image.height) return image
  if (kernel === "nearest-exact" || kernel === "linear" || kernel === "cubic")
    return resample(image, width, height, kernel)
  const resize = kernel === "area" ? byArea : byPil(PIL_KERNELS[kernel])
  return { ...image, width, height, data: resize(image, width, height, channels) }
}

/**
 * The kernel sd-scripts takes for training pictures: `area` when neither side grows, `lanczos` otherwise.
 * Source: sd-scripts `trim_and_resize_if_required`.
 */
export function trainingKernel(from: { width: number; height: number }, width: number, height: number): ResizeKernel {
  checkArgument("resize: the size", from, "an object")
  checkArguments("resize", "a finite number", {
    "the width of before": from.width,
    "the height of before": from.height,
    width,
    height,
  })
  return from.width >= width && from.height >= height ? "area" : "lanczos"
}

type Resize = (image: RgbImage | GreyImage, width: number, height: number, channels: 1 | 3) => Uint8Array

/** The mean of areas. Between the two directions nothing is rounded, as in OpenCV. */
function byArea(image: RgbImage | GreyImage, width: number, height: number, channels: 1 | 3): Uint8Array {
  const rows = new Float32Array(image.height * width * channels)
  alongRows(image.data, rows, image, areaTaps(image.width, width), channels)
  const result = new Float32Array(height * width * channels)
  alongColumns(rows, result, width * channels, areaTaps(image.height, height))
  return Uint8Array.from(result, (value) => Math.min(255, Math.max(0, Math.floor(value + 0.5))))
}

/** The bits behind the point of PIL's weights: those of an int without the byte, the sign and the overshoot. */
const PIL_UNIT = 2 ** 22

/** PIL rounds weights to fixed point, and bytes after each direction. A direction that keeps its size does not run. */
function byPil(kernel: PilKernel): Resize {
  return (image, width, height, channels) => {
    let { data } = image
    if (width !== image.width) {
      const rows = new Float64Array(image.height * width * channels)
      alongRows(data, rows, image, pilTaps(image.width, width, kernel), channels)
      data = toBytes(rows)
    }
    if (height !== image.height) {
      const result = new Float64Array(height * width * channels)
      alongColumns(data, result, width * channels, pilTaps(image.height, height, kernel))
      data = toBytes(result)
    }
    return data
  }
}

/** Sums in PIL's fixed point as bytes. Half goes up. */
function toBytes(sums: Float64Array): Uint8Array {
  const bytes = new Uint8Array(sums.length)
  for (let i = 0; i < sums.length; i++) {
    bytes[i] = Math.min(255, Math.max(0, Math.floor(((sums[i] as number) + PIL_UNIT / 2) / PIL_UNIT)))
  }
  return bytes
}

/** [H, inW, C] → [H, outW, C] */
function alongRows(
  data: ArrayLike<number>,
  result: Float32Array | Float64Array,
  { width, height }: { readonly width: number; readonly height: number },
  taps: readonly Taps[],
  channels: 1 | 3,
): void {
  let at = 0
  for (let row = 0; row < height; row++) {
    for (const { first, weights } of taps) {
      const from = (row * width + first) * channels
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0
        for (let i = 0; i < weights.length; i++)
          sum += (weights[i] as number) * (data[from + channels * i + channel] as number)
        result[at++] = sum
      }
    }
  }
}

/** [inH, line] → [outH, line] */
function alongColumns(
  data: ArrayLike<number>,
  result: Float32Array | Float64Array,
  line: number,
  taps: readonly Taps[],
): void {
  for (const [row, { first, weights }] of taps.entries()) {
    for (let i = 0; i < line; i++) {
      let sum = 0
      for (let tap = 0; tap < weights.length; tap++) {
        sum += (weights[tap] as number) * (data[(first + tap) * line + i] as number)
      }
      result[row * line + i] = sum
    }
  }
}

/** Weights in PIL's fixed point. */
function pilTaps(from: number, to: number, { reach, weight }: PilKernel): readonly Taps[] {
  const scale = from / to
  const stretch = Math.max(scale, 1)
  const support = reach * stretch
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale
    const first = Math.max(0, Math.trunc(centre - support + 0.5))
    const end = Math.min(from, Math.trunc(centre + support + 0.5))
    const weights = Float64Array.from({ length: end - first }, (_, tap) =>
      weight((first + tap - centre + 0.5) * (1 / stretch)),
    )
    const fixed = (value: number): number => Math.trunc(value * PIL_UNIT + (value < 0 ? -0.5 : 0.5))
    return { first, weights: normalised(weights).map(fixed) }
  })
}

function areaTaps(from: number, to: number): readonly Taps[] {
  const scale = from / to
  return Array.from({ length: to }, (_, i) => {
    const [start, end] = [i * scale, (i + 1) * scale]
    const first = Math.floor(start)
    const last = Math.min(from, Math.ceil(end))
    const weights = Float64Array.from({ length: last - first }, (_, tap) => {
      const pixel = first + tap
      return Math.min(end, pixel + 1) - Math.max(start, pixel)
    })
    return { first, weights: normalised(weights) }
  })
}

function lanczos(x: number): number {
  const sinc = (value: number): number => (value === 0 ? 1 : Math.sin(value * Math.PI) / (value * Math.PI))
  return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0
}

function triangle(x: number): number {
  return Math.max(0, 1 - Math.abs(x))
}

function normalised(weights: Float64Array): Float64Array {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map((weight) => weight / sum)
}
