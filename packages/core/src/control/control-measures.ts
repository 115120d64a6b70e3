import { checkArgument } from "../argument.ts"
import { CoreError } from "../errors.ts"
import type { GreyImage, RgbImage } from "../image.ts"
import { expectRgb, rgbToGrey } from "../image.ts"
import { unknownName } from "../nearest.ts"
import { canny } from "./canny.ts"
import { edgeF1 } from "./edge-f1.ts"

/** How well a picture follows a control, at most 1. */
type Measure = (picture: RgbImage, control: RgbImage) => number

/** Thresholds of Canny's edges, as OpenCV's documentation and most programs have them. */
const THRESHOLDS = { low: 100, high: 200 }

/** The measures of following, by name. */
export const CONTROL_MEASURES = {
  /** Edge F1 of the picture's edges and the control's lines: for edges, line art, scribbles. */
  edges: (picture, control) => edgeF1(canny(rgbToGrey(picture), THRESHOLDS), linesOf(control)).f1,
  /** The correlation of the brightness: for tiles, blurs and recolouring. */
  brightness: (picture, control) => correlation(rgbToGrey(picture).data, rgbToGrey(control).data),
  /** The correlation of how steep the brightness is, in both smoothed: for depth, normals and areas. */
  slopes: (picture, control) => correlation(slopesOf(rgbToGrey(picture)), slopesOf(rgbToGrey(control))),
} as const satisfies Readonly<Record<string, Measure>>

export type ControlMeasure = keyof typeof CONTROL_MEASURES

/** A picture with the control that was made of it. */
export interface RealPair {
  readonly image: RgbImage
  readonly control: RgbImage
}

/** The measure that suits a kind of control, and its values of real pictures. */
export interface ChosenMeasure {
  readonly name: ControlMeasure
  /** The mean of pictures and their own controls: as well as it can be. */
  readonly real: number
  /** The mean of pictures and controls of others: as bad as chance. */
  readonly chance: number
}

/** Edge F1 of real pictures from which on a control counts as lines. */
const LINES_ARE_EDGES = 0.7

/**
 * Chooses the measure that tells best whether a real picture belongs to a control. So no one has to say what kind of
 * control it is, and a score stands between two that mean something.
 *
 * @param pairs at least one. A single picture is compared with its mirror image
 * @throws CoreError when there is none
 */
export function chooseMeasure(pairs: readonly RealPair[]): ChosenMeasure {
  expectPairs(pairs)
  const others = pairs.map(({ image, control }, i) => {
    const sized = pairs.filter((other, j) => j !== i && isSameSize(other.image, control))
    return sized[i % Math.max(1, sized.length)]?.image ?? mirrored(image)
  })
  const names = Object.keys(CONTROL_MEASURES) as ControlMeasure[]
  const all = names.map((name): ChosenMeasure => {
    const measure: Measure = CONTROL_MEASURES[name]
    return {
      name,
      real: mean(pairs.map(({ image, control }) => measure(image, control))),
      chance: mean(pairs.map(({ control }, i) => measure(others[i] as RgbImage, control))),
    }
  })
  const edges = all.find(({ name }) => name === "edges")
  // Where lines are the picture's edges, edge F1 is the measure that people know.
  if (edges !== undefined && edges.real >= LINES_ARE_EDGES) return edges
  const [best = { name: "edges" as const, real: 0, chance: 0 }] = all.sort(
    (a, b) => b.real - b.chance - (a.real - a.chance),
  )
  return best
}

/** The mean of a measure over pictures and their controls. */
export function meanFollowing(name: ControlMeasure, pairs: readonly RealPair[]): number {
  if (!Object.hasOwn(CONTROL_MEASURES, name)) {
    throw unknownName("measure", "measure", String(name), Object.keys(CONTROL_MEASURES))
  }
  expectPairs(pairs)
  const measure: Measure = CONTROL_MEASURES[name]
  return mean(pairs.map(({ image, control }) => measure(image, control)))
}

function expectPairs(pairs: readonly RealPair[]): void {
  checkArgument("measure: the pairs", pairs, "a list")
  if (pairs.length === 0) throw new CoreError("dataset-empty", "measure: there are no pairs, expected at least one")
  for (const pair of pairs) {
    checkArgument("measure: a pair", pair, "an object")
    expectRgb(pair.image)
    expectRgb(pair.control)
  }
}

/** The lines of a control: what is brighter than the middle. On a bright ground, what is darker. */
function linesOf(control: RgbImage): GreyImage {
  const grey = rgbToGrey(control)
  const isBright = mean(grey.data) > 127.5
  return { ...grey, data: grey.data.map((value) => (value > 127 !== isBright ? 255 : 0)) }
}

/** The steepness of the brightness, smoothed over 5 × 5 pixels. */
function slopesOf({ width, height, data }: GreyImage): Float32Array {
  const at = (values: ArrayLike<number>, x: number, y: number): number =>
    values[Math.min(Math.max(y, 0), height - 1) * width + Math.min(Math.max(x, 0), width - 1)] ?? 0
  const steep = new Float32Array(width * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      steep[y * width + x] = Math.hypot(
        at(data, x + 1, y) - at(data, x - 1, y),
        at(data, x, y + 1) - at(data, x, y - 1),
      )
    }
  }
  const smooth = new Float32Array(width * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0
      for (let dy = -2; dy <= 2; dy++) for (let dx = -2; dx <= 2; dx++) sum += at(steep, x + dx, y + dy)
      smooth[y * width + x] = sum / 25
    }
  }
  return smooth
}

/** Pearson's correlation. 0 where one of both does not change. */
function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [meanA, meanB] = [mean(a), mean(b)]
  let [both, squaresA, squaresB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [(a[i] ?? 0) - meanA, (b[i] ?? 0) - meanB]
    both += x * y
    squaresA += x * x
    squaresB += y * y
  }
  return squaresA === 0 || squaresB === 0 ? 0 : both / Math.sqrt(squaresA * squaresB)
}

function isSameSize(a: RgbImage, b: RgbImage): boolean {
  return a.width === b.width && a.height === b.height
}

function mirrored({ width, height, data }: RgbImage): RgbImage {
  const result = new Uint8Array(data.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = 3 * (y * width + x)
      result.set(data.subarray(from, from + 3), 3 * (y * width + width - 1 - x))
    }
  }
  return { width, height, data: result }
}

function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0
  return sum / values.length
}
