import { checkOptions, type OptionKinds } from "../argument.ts"
import { addCoarserGrids, type NoiseDraws, type RowGrid } from "../diffusion/coarser-grids.ts"
import type { NumberRange } from "../number-range.ts"
import { checkRanges } from "../number-range.ts"

/** What is added to the noise that a picture starts from. Each picture draws by its own seed whether it is added. */
export interface StartNoise {
  /** Noise of coarser grids, which makes larger shapes. Default: null, none. */
  readonly pyramid?: PyramidNoise | null
  /** One number that is added to all of the noise, which makes a picture brighter or darker. Default: null, none. */
  readonly offset?: NoiseOffset | null
}

export interface PyramidNoise {
  /** How likely it is added, 0 to 1. */
  readonly probability: number
  /** The range of the factor from one grid to the next. */
  readonly discount: readonly [number, number]
}

export interface NoiseOffset {
  /** How likely it is added, 0 to 1. */
  readonly probability: number
  /** The number is the first one plus a normal number times the difference. So it may lie outside of both. */
  readonly range: readonly [number, number]
}

/** Ranges of `StartNoise`. */
export const START_NOISE_RANGES = {
  probability: { min: 0, max: 1 },
  discount: { min: 0, max: 1 },
  offset: { min: -10, max: 10 },
} as const satisfies Readonly<Record<string, NumberRange>>

/** The most grids of `pyramid`, as sd-scripts has them. */
const GRIDS = 6

const KINDS: OptionKinds<StartNoise> = { pyramid: "an object or null", offset: "an object or null" }
const PYRAMID_KINDS: OptionKinds<PyramidNoise> = { probability: "a number", discount: "a list" }
const OFFSET_KINDS: OptionKinds<NoiseOffset> = { probability: "a number", range: "a list" }

/** Checks the settings. @throws CoreError that names the one that is wrong */
export function checkStartNoise(settings: StartNoise): void {
  checkOptions("generate: startNoise", settings, KINDS)
  const { pyramid = null, offset = null } = settings
  const check = (name: string, values: readonly number[], range: NumberRange): void => {
    for (const value of values) checkRanges("generate: startNoise", { [name]: value }, { [name]: range })
  }
  if (pyramid !== null) {
    checkOptions("generate: startNoise: pyramid", pyramid, PYRAMID_KINDS, ["probability", "discount"])
    check("pyramid.probability", [pyramid.probability], START_NOISE_RANGES.probability)
    check("pyramid.discount", pyramid.discount, START_NOISE_RANGES.discount)
  }
  if (offset !== null) {
    checkOptions("generate: startNoise: offset", offset, OFFSET_KINDS, ["probability", "range"])
    check("offset.probability", [offset.probability], START_NOISE_RANGES.probability)
    check("offset.range", offset.range, START_NOISE_RANGES.offset)
  }
}

/** The random numbers of one picture. `uniform` decides, and `fraction` continues the noise's own generator. */
export interface StartNoiseDraws extends NoiseDraws {
  /** A number in [0, 1). */
  fraction(purpose: string): number
}

/**
 * Changes the start noise of one picture. noise: [1, height, width, channels] → the same shape
 *
 * Source: sd-scripts `gen_img.py` (`process_batch`). There, numbers that decide have no seed.
 */
export function changedStart(
  noise: Float32Array,
  grid: RowGrid,
  { pyramid = null, offset = null }: StartNoise,
  draws: StartNoiseDraws,
): Float32Array {
  let changed = Float32Array.from(noise)
  if (pyramid !== null && draws.uniform("pyramid") < pyramid.probability) {
    const [low, high] = pyramid.discount
    const discount = draws.fraction("pyramid discount") * (high - low) + low
    addCoarserGrids(changed, { iterations: GRIDS, discount }, grid, draws)
  }
  if (offset !== null && draws.uniform("offset") < offset.probability) {
    const [low, high] = offset.range
    const [drawn = 0] = draws.normal("offset", { rows: 1, height: 1, width: 1, channels: 1 })
    const added = drawn * (high - low) + low
    changed = changed.map((value) => value + added)
  }
  return changed
}
