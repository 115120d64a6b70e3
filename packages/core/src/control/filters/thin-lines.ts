import { checkArgument } from "../../argument.ts"
import { expectGrey, type GreyImage } from "../../image.ts"
import { checkRanges } from "../../number-range.ts"
import type { FloatPixels } from "./gaussian-blur.ts"
import { floatsOf, gaussianBlurFloats } from "./gaussian-blur.ts"

/** A 3 x 3 pattern, row by row: 1 has to be a line, -1 must not be one, 0 may be either. */
type Pattern = readonly number[]

/** Ends of thick lines. */
const PEELS: readonly Pattern[] = [
  [-1, -1, -1, 0, 1, 0, 1, 1, 1],
  [0, -1, -1, 1, 1, -1, 0, 1, 0],
]

/** Single pixels and spurs. */
const PRUNINGS: readonly Pattern[] = [
  [-1, -1, -1, -1, 1, -1, 0, 0, -1],
  [-1, -1, -1, -1, 1, -1, -1, 0, 0],
]

/** Rounds after which thinning ends, done or not. */
const MOST_ROUNDS = 32

/**
 * Thins white lines on black to a pixel's width. A line is what is over 127.
 *
 * Source: Lvmin Zhang, "High Quality Edge Thinning using Pure Python" (2023), `lvmin_thin` of sd-webui-controlnet.
 *
 * @param lines 0 and 255 only
 */
export function thinLines(lines: GreyImage, options: { readonly prune?: boolean } = {}): GreyImage {
  expectGrey(lines)
  checkArgument("thinLines: the options", options, "an object")
  const { prune = true } = options
  checkArgument("thinLines: prune", prune, "true or false")
  const result = { ...lines, data: Uint8Array.from(lines.data) }
  for (let round = 0; round < MOST_ROUNDS; round++) if (!removeAll(result, PEELS)) break
  if (prune) removeAll(result, PRUNINGS)
  return result
}

/** Removes the centres of all patterns, in all four turns. @returns whether there were any */
function removeAll(lines: GreyImage, patterns: readonly Pattern[]): boolean {
  let removed = false
  for (let turn = 0, turned = patterns; turn < 4; turn++, turned = turned.map(quarterTurn)) {
    for (const pattern of turned) removed = removeMatches(lines, pattern) || removed
  }
  return removed
}

/** The pattern, turned against the clock. */
function quarterTurn(pattern: Pattern): Pattern {
  return pattern.map((_, i) => pattern[(i % 3) * 3 + 2 - Math.floor(i / 3)] as number)
}

function removeMatches({ width, height, data }: GreyImage, pattern: Pattern): boolean {
  const matches: number[] = []
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      // The centre of every pattern is a line.
      if ((data[y * width + x] as number) <= 127) continue
      const fits = pattern.every((wanted, i) => {
        const [column, row] = [x + (i % 3) - 1, y + Math.floor(i / 3) - 1]
        // Outside of the picture, everything fits.
        if (wanted === 0 || column < 0 || row < 0 || column >= width || row >= height) return true
        const value = data[row * width + column] as number
        return wanted > 0 ? value > 127 : value < 128
      })
      if (fits) matches.push(y * width + x)
    }
  }
  for (const at of matches) data[at] = 0
  return matches.length > 0
}

/** The four ways through a pixel: level, upright and both diagonals. */
const WAYS = [
  [1, 0],
  [0, 1],
  [1, 1],
  [-1, 1],
] as const

/**
 * Keeps the pixels that are a maximum in at least one of four directions, and makes the others 0.
 *
 * Source: `nake_nms` of sd-webui-controlnet.
 */
export function ridges(image: GreyImage): GreyImage {
  expectGrey(image)
  return { ...image, data: Uint8Array.from(ridgeValues(floatsOf(image))) }
}

/**
 * Draws lines, one pixel wide and white, along the ridges of a soft picture. It is blurred first.
 *
 * Source: `nms` of ControlNet's annotators.
 *
 * @param threshold what a ridge has to exceed after the blur
 * @param sigma of the blur in pixels
 */
export function ridgeLines(image: GreyImage, threshold: number, sigma: number): GreyImage {
  expectGrey(image)
  checkArgument("ridges: the threshold", threshold, "a finite number")
  checkRanges("ridges", { sigma }, { sigma: { above: 0, max: 1000 } })
  const values = ridgeValues(gaussianBlurFloats(floatsOf(image), sigma))
  return { ...image, data: Uint8Array.from(values, (value) => (value > threshold ? 255 : 0)) }
}

function ridgeValues({ width, height, data }: FloatPixels): Float32Array {
  const at = (x: number, y: number): number =>
    x < 0 || y < 0 || x >= width || y >= height ? Number.NEGATIVE_INFINITY : (data[y * width + x] as number)
  return data.map((value, i) => {
    const [x, y] = [i % width, Math.floor(i / width)]
    const isRidge = WAYS.some(([dx, dy]) => value >= at(x - dx, y - dy) && value >= at(x + dx, y + dy))
    return isRidge ? value : 0
  })
}
