import type { NoiseName, SamplerName } from "../diffusion/names.ts"

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
