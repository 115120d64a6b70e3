import { checkArgument, checkArguments } from "../argument.ts"
import type { Seed } from "../random/seed.ts"
import { createStream } from "../random/stream.ts"

/**
 * How a model learns to follow its control by degrees. Each row of a batch draws a strength, at which the model acts. The
 * target is the frozen network's own prediction, plus a share of its distance from the true target. The share rises
 * with the strength.
 *
 * sd-scripts has no such option. It trains strength 1 alone, and lower strengths then often have no effect, or the
 * whole.
 */
export interface StrengthRange {
  /** The lowest strength that is drawn. The highest is 1. Default: 0. */
  readonly min?: number
  /** The share near strength 0. Default: 0. */
  readonly floor?: number
  /** The share at strength 1. Default: 1. */
  readonly top?: number
  /** The exponent of the strength in the share. 1 is a straight line. Default: 1. */
  readonly power?: number
  /** The exponent of the draw. Below 1, high strengths are drawn more often than low ones. Default: 1. */
  readonly skew?: number
  /**
   * The share in the middle of the range that is never drawn. Low and high strengths are then drawn more often. Default: 0.
   */
  readonly gap?: number
}

/** The strength of a row, and the share of the target's distance at this strength. */
export interface RowStrength {
  readonly strength: number
  readonly share: number
}

/** The share at a strength: floor + (top − floor) · strength^power. */
export function shareAt(range: StrengthRange, strength: number): number {
  checkArgument("strengths: the range", range, "an object")
  const { floor = 0, top = 1, power = 1 } = range
  checkArguments("strengths", "a finite number", { floor, top, power, strength })
  return floor + (top - floor) * strength ** power
}

/** The golden ratio. Its multiples without their whole parts lie evenly between 0 and 1, however many there are. */
const GOLDEN = (Math.sqrt(5) - 1) / 2

/** The strength at a place from 0 to 1 of the draw. Half of the places, before the skew, are on each side of the gap. */
function strengthAt({ min = 0, skew = 1, gap = 0 }: StrengthRange, draw: number): number {
  const place = draw ** skew
  return min + (1 - min) * ((1 - gap) * place + (place < 0.5 ? 0 : gap))
}

/**
 * Draws the strengths of rows of a step, from `min` to 1. The rows of one step are spread evenly, so that a small batch
 * has low and high strengths, too. All rows move by one draw of the step.
 */
export function drawStrengths(
  range: StrengthRange,
  { seed, step, firstRow, count }: { seed: Seed; step: number; firstRow: number; count: number },
): readonly RowStrength[] {
  const [start = 0] = createStream(seed, "strengths").uniform(1, { step })
  return Array.from({ length: count }, (_, row) => {
    const draw = (start + (firstRow + row) * GOLDEN) % 1
    const strength = strengthAt(range, draw)
    return { strength, share: shareAt(range, strength) }
  })
}
