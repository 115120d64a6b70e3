import type { NoiseName, SamplerName } from "../diffusion/names.ts"
import type { NumberRange } from "../number-range.ts"

/** The defaults of `generate`. */
export const GENERATE_DEFAULTS = {
  steps: 20,
  guidanceScale: 7.5,
  sampler: "euler" as SamplerName,
  noise: "lllite" as NoiseName,
  combine: "chain" as "chain" | "sum",
  /** An adapter's strength. */
  strength: 1,
} as const

/** Sides of a picture are multiples of this, because the VAE divides them by eight and the U-Net halves them twice. */
export const SIDE_MULTIPLE = 32

/** Ranges of `GenerateOptions` and `AdapterUse`. Sides are multiples of `SIDE_MULTIPLE`, too. */
export const GENERATE_RANGES = {
  width: { integer: true, min: SIDE_MULTIPLE, max: 16384 },
  height: { integer: true, min: SIDE_MULTIPLE, max: 16384 },
  steps: { integer: true, min: 1, max: 1000 },
  guidanceScale: { min: 0, max: 1000 },
  vaeSlices: { integer: true, min: 1, max: 4096 },
  /** Pictures in one batch. */
  batchSize: { integer: true, min: 1, max: 4096 },
  strength: { min: -100, max: 100 },
  /** Both ends of an adapter's window. */
  window: { min: 0, max: 1 },
} as const satisfies Readonly<Record<string, NumberRange>>
