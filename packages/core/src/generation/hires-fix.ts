import { checkOptions, type OptionKinds } from "../argument.ts"
import type { SamplerName, SamplerOptions, SpacingName, SpacingOptions } from "../diffusion/names.ts"
import type { SizeCondition } from "../diffusion/size-embedding.ts"
import { CoreError } from "../errors.ts"
import type { NumberRange } from "../number-range.ts"
import { checkRanges } from "../number-range.ts"
import { readSeed, type Seed } from "../random/seed.ts"
import { GENERATE_RANGES, SIDE_MULTIPLE } from "./defaults.ts"
import { checkStartRule, type StartPicture } from "./start-picture.ts"

/**
 * What the first stage becomes for the second: a picture that is enlarged by Lanczos, or latents that are enlarged.
 */
export const HIRES_UPSCALERS = ["lanczos", "latents-bicubic", "latents-bilinear"] as const

export type HiresUpscaler = (typeof HIRES_UPSCALERS)[number]

/**
 * Hires fix: a first stage draws a smaller picture, which has one composition. The second stage enlarges it and adds
 * details from it as a start.
 */
export interface HiresFix {
  /** The factor from the picture's sides to those of the first stage, above 0 and at most 1. */
  readonly scale: number
  /** The first stage's sides in pixels, multiples of 8. Default: null, by the scale, as multiples of 32. */
  readonly sides?: { readonly width: number; readonly height: number } | null
  /** How much the second stage's seed is above the first's, 0 to 2^64 - 1. Default: 1, as in sd-scripts. */
  readonly seedOffset?: Seed | string
  /** Settings of the second stage that differ from the first's. Default: none. */
  readonly sampling?: HiresSampling
  /** The first stage's steps. Default: 28. */
  readonly steps?: number
  /** The second stage's strength, 0 to 1. See `StartPicture.strength`. Default: 0.8. */
  readonly strength?: number
  /** Default: `lanczos`. */
  readonly upscaler?: HiresUpscaler
  /** Whether the adapters act in the second stage, too. Default: true. */
  readonly control?: boolean
  /** Copies how sd-scripts begins the second stage, see `StartPicture.compat`. Default: null. */
  readonly compat?: NonNullable<StartPicture["compat"]> | null
  /** See `StartPicture.stepsOffset`. Default: 0, and 1 with `compat`. */
  readonly stepsOffset?: 0 | 1
}

/** How the second stage is sampled, where it differs. */
export interface HiresSampling {
  readonly guidanceScale?: number
  readonly sampler?: SamplerName
  readonly spacing?: SpacingName
  readonly spacingOptions?: SpacingOptions
  readonly samplerOptions?: SamplerOptions
}

/** The sampling of a second stage. Options of the first one's sampler or spacing are not those of another. */
export function secondSampling({ sampling = {} }: Pick<HiresFix, "sampling">): HiresSampling {
  const { sampler, spacing, samplerOptions, spacingOptions, ...rest } = sampling
  return {
    ...rest,
    ...(sampler === undefined ? {} : { sampler, samplerOptions: {} }),
    ...(spacing === undefined ? {} : { spacing, spacingOptions: {} }),
    ...(samplerOptions === undefined ? {} : { samplerOptions }),
    ...(spacingOptions === undefined ? {} : { spacingOptions }),
  }
}

/** Defaults of `HiresFix`. */
export const HIRES_DEFAULTS = {
  steps: 28,
  strength: 0.8,
  upscaler: "lanczos",
  control: true,
  sides: null,
  seedOffset: 1,
} as const

/** Ranges of `HiresFix`. */
export const HIRES_RANGES = {
  scale: { above: 0, max: 1 },
  steps: { integer: true, min: 1, max: 1000 },
  strength: { min: 0, max: 1 },
} as const satisfies Readonly<Record<string, NumberRange>>

/** Sides of a first stage are multiples of this, as in sd-scripts. */
const FIRST_MULTIPLE = 32

/** A first stage's sides, in pixels. */
export function firstSides(
  { width, height }: { readonly width: number; readonly height: number },
  { scale, sides }: Pick<HiresFix, "scale" | "sides">,
): { readonly width: number; readonly height: number } {
  return sides ?? { width: firstSide(width, { scale }), height: firstSide(height, { scale }) }
}

function firstSide(side: number, { scale }: Pick<HiresFix, "scale">): number {
  const scaled = scaledLength(side, { scale })
  return scaled - (scaled % FIRST_MULTIPLE)
}

/** A length of the picture in the first stage, in pixels. It is rounded as in sd-scripts. */
function scaledLength(length: number, { scale }: Pick<HiresFix, "scale">): number {
  return Math.floor(length * scale + 0.5)
}

/** SDXL's condition on the size of a first stage. target: its sides */
export function firstSize(
  { original, crop }: SizeCondition,
  hires: Pick<HiresFix, "scale">,
  target: SizeCondition["target"],
): SizeCondition {
  const scaled = ([a, b]: readonly [number, number]) => [scaledLength(a, hires), scaledLength(b, hires)] as const
  return { original: scaled(original), crop: scaled(crop), target }
}

const KINDS: OptionKinds<HiresFix> = {
  scale: "a number",
  sides: "an object or null",
  seedOffset: "anything",
  sampling: "an object",
  steps: "a number",
  strength: "a number",
  upscaler: "text",
  control: "true or false",
  compat: "text or null",
  stepsOffset: "a number",
}

const SAMPLING_KINDS: OptionKinds<HiresSampling> = {
  guidanceScale: "a number",
  sampler: "text",
  spacing: "text",
  spacingOptions: "an object",
  samplerOptions: "an object",
}

/** Checks the settings for a picture's sides. @throws CoreError that names what is wrong */
export function checkHires(
  hires: HiresFix,
  { width, height }: { readonly width: number; readonly height: number },
): void {
  checkOptions("generate: hires", hires, KINDS, ["scale"])
  checkOptions("generate: hires: sampling", hires.sampling ?? {}, SAMPLING_KINDS)
  const { scale, steps, strength } = hires
  checkRanges("generate: hires", { scale, steps, strength }, HIRES_RANGES)
  checkStartRule("hires", hires)
  const { upscaler = HIRES_DEFAULTS.upscaler } = hires
  if (!HIRES_UPSCALERS.includes(upscaler)) {
    throw new CoreError(
      "option-unknown",
      `generate: hires has no upscaler "${String(upscaler)}". There are: ${HIRES_UPSCALERS.join(", ")}.`,
    )
  }
  if (readSeed(hires.seedOffset ?? HIRES_DEFAULTS.seedOffset) === null) {
    throw new CoreError(
      "seed",
      `generate: hires: seedOffset is ${String(hires.seedOffset)}, expected a whole number from 0 to 2^64 - 1`,
    )
  }
  for (const [name, side] of Object.entries(hires.sides ?? {})) {
    if (Number.isSafeInteger(side) && side > 0 && side % SIDE_MULTIPLE === 0) continue
    throw new CoreError(
      "picture-size",
      `generate: hires: the first stage's ${name} is ${side}, expected a multiple of ${SIDE_MULTIPLE}`,
    )
  }
  checkRanges("generate: hires: sampling", { guidanceScale: hires.sampling?.guidanceScale }, GENERATE_RANGES)
  for (const [name, side] of Object.entries({ width, height })) {
    if (hires.sides != null || firstSide(side, hires) >= FIRST_MULTIPLE) continue
    throw new CoreError(
      "option-range",
      `generate: ${name} ${side} by the scale ${hires.scale} of hires is less than ${FIRST_MULTIPLE} px. Expected a larger scale.`,
    )
  }
}
