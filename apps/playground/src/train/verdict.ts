import type { ControlMeasure, RgbImage } from "@lllite/core/image"
import { chooseMeasure, meanFollowing } from "@lllite/core/image"
import type { HeldOut } from "./pairs.ts"

/** How well an LLLite follows held-out controls. */
export interface Verdict {
  readonly measure: ControlMeasure
  readonly with: number
  readonly without: number
  /** The measure of real pictures and their own controls: as well as it can be. */
  readonly real: number
  readonly follows: boolean
  /** Controls that were measured. */
  readonly count: number
}

/** The least distance from the pictures without an LLLite to real ones. Below it, the measure says nothing. */
const LEAST_DISTANCE = 0.1

/**
 * Judges an LLLite. It follows if its pictures are at least as near to real pictures as to those without an LLLite.
 *
 * @param images of the same controls, in the same order
 * @returns null if pictures without an LLLite follow these controls as well as real ones
 */
export function judge(
  heldOut: readonly HeldOut[],
  images: { readonly with: readonly RgbImage[]; readonly without: readonly RgbImage[] },
): Verdict | null {
  const { name, real } = chooseMeasure(heldOut)
  const score = (drawn: readonly RgbImage[]): number =>
    meanFollowing(
      name,
      heldOut.flatMap(({ control }, i) => {
        const image = drawn[i]
        return image === undefined ? [] : [{ image, control }]
      }),
    )
  const found = { with: score(images.with), without: score(images.without) }
  if (!(real - found.without >= LEAST_DISTANCE)) return null
  return {
    ...{ measure: name, ...found, real, count: heldOut.length },
    follows: found.with - found.without >= (real - found.without) / 2,
  }
}
