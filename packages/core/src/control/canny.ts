import { checkArgument } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { channelsOf, type GreyImage, type RgbImage } from "../image.ts"

export interface CannyOptions {
  /** Gradients above this continue an edge. Default: 100. */
  readonly low?: number
  /** Gradients above this start an edge. Default: 200. */
  readonly high?: number
  /** Measure a gradient by its Euclidean length instead of |dx| + |dy|. Default: false. */
  readonly l2?: boolean
}

/** tan(22.5°) in the 15-bit fixed point that OpenCV compares directions in. */
const TANGENT_22 = Math.floor(0.41421356237309503 * (1 << 15) + 0.5)

/**
 * Canny edges: 255 on an edge, 0 elsewhere. Every pixel is that of `cv2.Canny` with the 3 x 3 Sobel operator. As in
 * OpenCV, the image is not blurred first. In an RGB image each pixel takes the channel with the largest gradient. For
 * edges of the luma, use `rgbToGrey` before.
 *
 * Source: J. Canny, "A Computational Approach to Edge Detection" (1986); OpenCV imgproc/canny.cpp.
 *
 * @throws CoreError when a threshold is negative or not a number, or the image's data does not fit its sides.
 */
export function canny(image: RgbImage | GreyImage, options: CannyOptions = {}): GreyImage {
  checkArgument("canny: the options", options, "an object")
  const { low = 100, high = 200, l2 = false } = options
  for (const [name, value] of Object.entries({ low, high })) {
    if (!(value >= 0)) throw new CoreError("option-range", `canny: ${name} must be 0 or more, got ${value}`)
  }
  const gradient = gradients(image, l2)
  const scale = (threshold: number): number => {
    const limited = l2 ? Math.min(32767, threshold) ** 2 : threshold
    return Math.floor(limited)
  }
  const marks = thin(image.width, image.height, gradient, scale(Math.min(low, high)), scale(Math.max(low, high)))
  return { width: image.width, height: image.height, data: connect(image.width, image.height, marks) }
}

interface Gradients {
  readonly dx: Int16Array
  readonly dy: Int16Array
  readonly magnitude: Int32Array
}

/** Sobel derivatives with replicated borders, of the channel whose gradient is largest (the first, if equal). */
function gradients(image: RgbImage | GreyImage, l2: boolean): Gradients {
  const channels = channelsOf(image)
  const { width, height, data } = image
  const dx = new Int16Array(width * height)
  const dy = new Int16Array(width * height)
  const magnitude = new Int32Array(width * height).fill(-1)
  for (let y = 0; y < height; y++) {
    const above = Math.max(y - 1, 0) * width
    const here = y * width
    const below = Math.min(y + 1, height - 1) * width
    for (let x = 0; x < width; x++) {
      const left = Math.max(x - 1, 0)
      const right = Math.min(x + 1, width - 1)
      const i = here + x
      for (let c = 0; c < channels; c++) {
        const at = (row: number, column: number): number => data[(row + column) * channels + c] as number
        const horizontal =
          at(above, right) +
          2 * at(here, right) +
          at(below, right) -
          at(above, left) -
          2 * at(here, left) -
          at(below, left)
        const vertical =
          at(below, left) + 2 * at(below, x) + at(below, right) - at(above, left) - 2 * at(above, x) - at(above, right)
        const size = l2 ? horizontal ** 2 + vertical ** 2 : Math.abs(horizontal) + Math.abs(vertical)
        if (size > (magnitude[i] as number)) {
          magnitude[i] = size
          dx[i] = horizontal
          dy[i] = vertical
        }
      }
    }
  }
  return { dx, dy, magnitude }
}

const NONE = 0
const WEAK = 1
const STRONG = 2

/** Keeps the pixels that are a maximum across the edge, and marks those that may start one. */
function thin(width: number, height: number, gradient: Gradients, low: number, high: number): Uint8Array {
  const { dx, dy, magnitude } = gradient
  const marks = new Uint8Array(width * height)
  // Outside the picture there is no gradient.
  const at = (x: number, y: number): number =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : (magnitude[y * width + x] as number)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x
      const size = magnitude[i] as number
      if (size <= low) continue
      const horizontal = dx[i] as number
      const vertical = dy[i] as number
      const run = Math.abs(horizontal)
      const rise = Math.abs(vertical) << 15
      const flat = run * TANGENT_22
      // tan(67.5°) = tan(22.5°) + 2
      const steep = flat + (run << 16)
      let isMaximum: boolean
      // A plateau keeps one of its two pixels: strict on one side only, except on diagonals.
      if (rise < flat) isMaximum = size > at(x - 1, y) && size >= at(x + 1, y)
      else if (rise > steep) isMaximum = size > at(x, y - 1) && size >= at(x, y + 1)
      else {
        const slope = (horizontal ^ vertical) < 0 ? -1 : 1
        isMaximum = size > at(x - slope, y - 1) && size > at(x + slope, y + 1)
      }
      if (isMaximum) marks[i] = size > high ? STRONG : WEAK
    }
  }
  return marks
}

/** Hysteresis: every strong pixel, and every weak one that touches it through others. */
function connect(width: number, height: number, marks: Uint8Array): Uint8Array {
  const edges = new Uint8Array(width * height)
  const open: number[] = []
  const take = (i: number): void => {
    marks[i] = NONE
    edges[i] = 255
    open.push(i)
  }
  for (let i = 0; i < marks.length; i++) {
    if (marks[i] !== STRONG) continue
    take(i)
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const x0 = next % width
      const y0 = (next - x0) / width
      for (let y = Math.max(y0 - 1, 0); y <= Math.min(y0 + 1, height - 1); y++) {
        for (let x = Math.max(x0 - 1, 0); x <= Math.min(x0 + 1, width - 1); x++) {
          if (marks[y * width + x] !== NONE) take(y * width + x)
        }
      }
    }
  }
  return edges
}
