import type { NoiseName, SamplerName } from "../diffusion/names.ts"

/** How pictures are made where nothing else is said. */
export const GENERATE_DEFAULTS = {
  steps: 20,
  guidanceScale: 7.5,
  sampler: "euler" as SamplerName,
  noise: "lllite" as NoiseName,
  combine: "chain" as "chain" | "sum",
  /** Of an adapter. */
  strength: 1,
} as const

/** Sides of a picture are multiples of this: the VAE's eight, halved twice in the U-Net. */
export const SIDE_MULTIPLE = 32
