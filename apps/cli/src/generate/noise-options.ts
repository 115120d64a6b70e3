import { START_NOISE_RANGES } from "@lllite/core/names"
import type { RecipeInput } from "@lllite/core/recipe"
import type { OptionReader, OptionTable, Settings } from "@lllite/runtime-node/options"
import { number, numbers } from "@lllite/runtime-node/options"

/** What is added to the noise of the start, by sd-scripts' names. */
export const NOISE_OPTIONS = {
  pyramid_noise_prob: number({
    ...START_NOISE_RANGES.probability,
    nothing: [0],
    help: "How likely each picture starts from noise with coarser grids (pyramid noise), which makes larger shapes. The seed decides.",
  }),
  pyramid_noise_discount_range: numbers({
    ...START_NOISE_RANGES.discount,
    help: "Least and largest factor from one grid of pyramid noise to the next, such as 0.2 0.4.",
  }),
  noise_offset_prob: number({
    ...START_NOISE_RANGES.probability,
    nothing: [0],
    help: "How likely a number is added to all of the noise that a picture starts from. The seed decides.",
  }),
  noise_offset_range: numbers({
    ...START_NOISE_RANGES.offset,
    help: "Two numbers, such as 0 0.1. What is added is the first, plus a normal number times their difference.",
  }),
} satisfies OptionTable

const PAIRS = [
  ["pyramidNoiseProb", "pyramidNoiseDiscountRange"],
  ["noiseOffsetProb", "noiseOffsetRange"],
] as const

/** Checks that each probability has its range, and each range its probability. The reader keeps the problems. */
export function checkNoise({ settings, check, nameOf }: OptionReader<typeof NOISE_OPTIONS>): void {
  for (const [probability, range] of PAIRS) {
    check([probability, range], () => {
      const { length } = settings[range]
      if (settings[probability] === undefined) {
        return length === 0
          ? null
          : `${nameOf(range)} has no effect without ${nameOf(probability)}, expected a number from 0 to 1`
      }
      if (length === 2) return null
      const came = length === 0 ? "is missing" : `has ${length} ${length === 1 ? "number" : "numbers"}`
      return `${nameOf(range)} ${came}, expected two numbers beside ${nameOf(probability)}`
    })
  }
}

/** The field of a recipe that the options decide. */
export function startNoiseOf(settings: Settings<typeof NOISE_OPTIONS>): NonNullable<RecipeInput["startNoise"]> | null {
  const pairOf = ([first = 0, second = first]: readonly number[]): readonly [number, number] => [first, second]
  const { pyramidNoiseProb, pyramidNoiseDiscountRange, noiseOffsetProb, noiseOffsetRange } = settings
  if (pyramidNoiseProb === undefined && noiseOffsetProb === undefined) return null
  return {
    pyramid:
      pyramidNoiseProb === undefined
        ? null
        : { probability: pyramidNoiseProb, discount: pairOf(pyramidNoiseDiscountRange) },
    offset: noiseOffsetProb === undefined ? null : { probability: noiseOffsetProb, range: pairOf(noiseOffsetRange) },
  }
}
