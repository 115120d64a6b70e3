import { CoreError } from "../errors.ts"
import type { RgbImage } from "../image.ts"

/** How pixels are weighed: `lanczos` over three lobes, or `area`, the exact mean of what a new pixel covers. */
export type ResizeKernel = "lanczos" | "area"

/** Which input pixels make one output pixel, and how much of each. */
interface Taps {
  readonly first: number
  readonly weights: Float64Array
}

const LANCZOS_LOBES = 3

/**
 * Resizes a picture, without regard to its aspect. When it shrinks, the Lanczos kernel is widened so that every pixel
 * counts, as in PIL. The code uses no library, so that a pixel is the same on every machine.
 *
 * Source: PIL `Image.resize(LANCZOS)`, OpenCV `INTER_AREA`.
 *
 * @throws CoreError when a side is not a positive integer
 */
export function resizeImage(image: RgbImage, width: number, height: number, kernel: ResizeKernel): RgbImage {
  for (const side of [width, height]) {
    if (!Number.isSafeInteger(side) || side < 1) {
      throw new CoreError(
        "picture-size",
        `resize: ${width} x ${height} is not a size. Both sides must be positive integers.`,
      )
    }
  }
  if (width === image.width && height === image.height) return image
  const tapsOf = kernel === "area" ? areaTaps : lanczosTaps
  const rows = alongRows(image, tapsOf(image.width, width))
  return { width, height, data: alongColumns(rows, width, tapsOf(image.height, height)) }
}

/**
 * The kernel sd-scripts takes for training pictures: `area` when neither side grows, `lanczos` otherwise.
 * Source: sd-scripts `trim_and_resize_if_required`.
 */
export function trainingKernel(from: { width: number; height: number }, width: number, height: number): ResizeKernel {
  return from.width >= width && from.height >= height ? "area" : "lanczos"
}

/** [H, inW, 3] → [H, outW, 3], not rounded yet. */
function alongRows({ width, height, data }: RgbImage, taps: readonly Taps[]): Float32Array {
  const result = new Float32Array(height * taps.length * 3)
  let at = 0
  for (let row = 0; row < height; row++) {
    for (const { first, weights } of taps) {
      const from = (row * width + first) * 3
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0
        for (let i = 0; i < weights.length; i++)
          sum += (weights[i] as number) * (data[from + 3 * i + channel] as number)
        result[at++] = sum
      }
    }
  }
  return result
}

/** [inH, W, 3] → [outH, W, 3], clamped and rounded. */
function alongColumns(rows: Float32Array, width: number, taps: readonly Taps[]): Uint8Array {
  const line = width * 3
  const result = new Uint8ClampedArray(taps.length * line)
  for (const [row, { first, weights }] of taps.entries()) {
    for (let i = 0; i < line; i++) {
      let sum = 0
      for (let tap = 0; tap < weights.length; tap++) {
        sum += (weights[tap] as number) * (rows[(first + tap) * line + i] as number)
      }
      // Half goes up, as in PIL; a clamped array would send it to the even number.
      result[row * line + i] = Math.floor(sum + 0.5)
    }
  }
  return new Uint8Array(result.buffer)
}

function lanczosTaps(from: number, to: number): readonly Taps[] {
  const scale = from / to
  const stretch = Math.max(scale, 1)
  const reach = LANCZOS_LOBES * stretch
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale
    const first = Math.max(0, Math.floor(centre - reach + 0.5))
    const end = Math.min(from, Math.floor(centre + reach + 0.5))
    const weights = Float64Array.from({ length: end - first }, (_, tap) =>
      lanczos((first + tap + 0.5 - centre) / stretch),
    )
    return { first, weights: normalised(weights) }
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
  if (x === 0) return 1
  if (Math.abs(x) >= LANCZOS_LOBES) return 0
  const angle = Math.PI * x
  return (LANCZOS_LOBES * Math.sin(angle) * Math.sin(angle / LANCZOS_LOBES)) / (angle * angle)
}

function normalised(weights: Float64Array): Float64Array {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map((weight) => weight / sum)
}
