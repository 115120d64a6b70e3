import { checkOptions, type OptionKinds } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import { checkRanges, type NumberRange } from "../../number-range.ts"

/** A block that works on smaller features, while the noise is strong. */
export interface DeepShrinkLevel {
  /** The input block before which the features shrink, from 0. */
  readonly depth: number
  /** The level acts down to this timestep, inclusive. */
  readonly timestep: number
}

/**
 * Deep Shrink: at the beginning of a run, deep blocks work on smaller features. So a large picture gets one composition
 * instead of several. On the way up, the features get back the size of the skips.
 *
 * Source: Kohya's Deep Shrink, sd-scripts `library/sdxl_original_unet.py`.
 */
export interface DeepShrink {
  /** One level or two. The timesteps fall. The first whose timestep is reached acts. */
  readonly levels: readonly DeepShrinkLevel[]
  /** The factor on both sides of the features, above 0 and below 1. Default: 0.5. */
  readonly ratio?: number
}

/** The default factor. */
export const DEEP_SHRINK_RATIO = 0.5

/** The default timestep of both levels. */
export const DEEP_SHRINK_TIMESTEP = 650

/** Ranges of `DeepShrink` and its levels. */
export const DEEP_SHRINK_RANGES = {
  depth: { integer: true, min: 0, max: 8 },
  timestep: { min: 0, max: 1000 },
  ratio: { above: 0, below: 1 },
} as const satisfies Readonly<Record<string, NumberRange>>

/** The shrinking of one pass. */
export interface Shrink {
  readonly depth: number
  readonly ratio: number
}

/** The shrinking at a timestep. Null: none. */
export function shrinkAt({ levels, ratio = DEEP_SHRINK_RATIO }: DeepShrink, timestep: number): Shrink | null {
  const level = levels.find((each) => timestep >= each.timestep)
  return level === undefined ? null : { depth: level.depth, ratio }
}

const KINDS: OptionKinds<DeepShrink> = { levels: "a list", ratio: "a number" }
const LEVEL_KINDS: OptionKinds<DeepShrink["levels"][number]> = { depth: "a number", timestep: "a number" }

/** Checks the settings. @throws CoreError that names the one that is wrong */
export function checkDeepShrink(settings: DeepShrink): void {
  checkOptions("generate: deepShrink", settings, KINDS, ["levels"])
  const { levels, ratio } = settings
  if (levels.length < 1 || levels.length > 2) {
    throw new CoreError("option-range", `generate: deepShrink has ${levels.length} levels, expected one or two`)
  }
  checkRanges("generate: deepShrink", { ratio }, { ratio: DEEP_SHRINK_RANGES.ratio })
  const { depth, timestep } = DEEP_SHRINK_RANGES
  for (const level of levels) {
    checkOptions("generate: deepShrink: a level", level, LEVEL_KINDS, ["depth", "timestep"])
    checkRanges("generate: deepShrink", { ...level }, { depth, timestep })
  }
  const [first, second] = levels
  if (first !== undefined && second !== undefined && second.timestep >= first.timestep) {
    throw new CoreError(
      "option-conflict",
      `generate: the second level of deepShrink ends at timestep ${second.timestep} and the first at ${first.timestep}. ` +
        "The second would never act. Expected a lower timestep.",
    )
  }
}
