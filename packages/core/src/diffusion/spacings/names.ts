import type { NumberRange } from "../../number-range.ts"

/**
 * The noise levels that a run of n steps visits. T is the number of the schedule's timesteps, 1000.
 *
 * Even in timesteps, as diffusers names them:
 *
 * - `leading`: every (T/n)-th, counted up from 1 (DDIM as Stable Diffusion sets it)
 * - `leading_0`: the same, counted up from 0 (DDPM)
 * - `linspace`: n even points from T-1 to 0, fractional (Euler)
 * - `trailing`: every (T/n)-th, counted down from T-1 (zero terminal SNR, turbo and lightning models)
 * - `lcm`: n of the 50 timesteps that latent consistency models are distilled on
 *
 * Even in timesteps, as ComfyUI and stable-diffusion-webui name them:
 *
 * - `uniform`: n even points from T-1 to 0, with levels that are even in log sigma between timesteps
 * - `sgm_uniform`: the same with n + 1 points, without the last
 * - `simple`: every (T/n)-th, counted down from T-1, rounded down
 * - `ddim_uniform`: every (T/n)-th, counted up from 1, as many as there are
 * - `sd_turbo`: the first n of the ten timesteps 999, 899 … 99 that turbo models are distilled on, as in ComfyUI
 *
 * Along a curve of sigma:
 *
 * - `karras`: from the largest to the smallest sigma, even in sigma^(1/7) (Karras et al. 2022, equation 5)
 * - `exponential`: the same, even in log sigma
 * - `polyexponential`: the same, log sigma along a power
 * - `lu`: `exponential`, with whole timesteps where the sampler needs them (Lu et al. 2022)
 * - `beta`: the quantiles of a beta distribution between the largest and the smallest sigma (Lee et al. 2024)
 * - `beta_timesteps`: the same quantiles over timesteps, as in ComfyUI
 * - `kl_optimal`: even in atan sigma, down to the smallest sigma (Sabour et al. 2024)
 * - `kl_optimal_0`: the same with n levels above 0, as in ComfyUI
 * - `align_your_steps`: ten levels found for SDXL, interpolated for other n (Sabour et al. 2024)
 * - `align_your_steps_0`: the same without the last, with more digits, as in ComfyUI
 * - `vp`: the variance-preserving curve of Song et al. 2021
 */
export type TimestepSpacing = (typeof TIMESTEP_SPACINGS)[number]

/** All spacings. */
export const TIMESTEP_SPACINGS = [
  "leading",
  "leading_0",
  "linspace",
  "trailing",
  "lcm",
  "uniform",
  "sgm_uniform",
  "simple",
  "ddim_uniform",
  "sd_turbo",
  "karras",
  "exponential",
  "polyexponential",
  "lu",
  "beta",
  "beta_timesteps",
  "kl_optimal",
  "kl_optimal_0",
  "align_your_steps",
  "align_your_steps_0",
  "vp",
] as const

/** Second names of spacings. */
export const SPACING_ALIASES = {
  normal: "uniform",
  ddim: "ddim_uniform",
  ays: "align_your_steps",
} as const satisfies Record<string, TimestepSpacing>

export type SpacingName = TimestepSpacing | keyof typeof SPACING_ALIASES

/** All names of spacings, second names last. */
export const SPACING_NAMES: readonly SpacingName[] = [
  ...TIMESTEP_SPACINGS,
  ...(Object.keys(SPACING_ALIASES) as (keyof typeof SPACING_ALIASES)[]),
]

/** Names in recipes of version 0.1. The sampler now says whether it needs whole timesteps. */
const FORMER_NAMES = { "linspace-rounded": "linspace", "karras-rounded": "karras" } as const

/** The spacing with a name, a second name, or a former one. Null for an unknown name. */
export function spacingOf(name: string): TimestepSpacing | null {
  const aliases: ReadonlyMap<string, TimestepSpacing> = new Map(Object.entries({ ...SPACING_ALIASES, ...FORMER_NAMES }))
  return TIMESTEP_SPACINGS.find((spacing) => spacing === name) ?? aliases.get(name) ?? null
}

/** How a sampler uses a spacing. diffusers' classes differ in this. */
export interface SpacingUse {
  /**
   * `points`: n points. `intervals`: the starts of n intervals, as whole timesteps. It matters for `leading`,
   * `linspace` and the curves of sigma. Default: `points`.
   */
  readonly grid?: "points" | "intervals"
  /** Whether the timesteps of `karras` are whole. They always are with `intervals`. Default: false. */
  readonly wholeKarras?: true
  /**
   * Stands for the infinite sigma of a schedule with zero terminal SNR. Default: the schedule's, which is larger, and no
   * curve of sigma.
   */
  readonly largestSigma?: number
  /** Where a run ends: at 0, or at the smallest sigma of the schedule. Default: `zero`. */
  readonly end?: "zero" | "smallest"
}

/** Settings of a spacing, by the names of k-diffusion. */
export interface SpacingOptions {
  /** Smallest sigma of `karras`, `exponential`, `polyexponential`, `lu`, `beta` and `kl_optimal`. Default: the schedule's. */
  readonly sigmaMin?: number
  /** Largest sigma of the same. Default: the schedule's. */
  readonly sigmaMax?: number
  /** Exponent of `karras` and `polyexponential`. Defaults: 7 and 1. */
  readonly rho?: number
  /** Parameters of the beta distribution of `beta` and `beta_timesteps`. Defaults: 0.6. */
  readonly alpha?: number
  readonly beta?: number
  /**
   * Whether the level before the end is left out, and one step more is spaced for it. ComfyUI and stable-diffusion-webui
   * do so with some samplers. Default: false.
   */
  readonly discardPenultimate?: boolean
  /** The factor on unit noise at the first level. Default: the sampler's. */
  readonly startScale?: StartScale
}

/**
 * The factor on unit noise at the start. `sigma` is noise alone. `unit-variance` is noise in the variance-preserving
 * form, which is sqrt(sigma² + 1) in the scale of samplers.
 */
export type StartScale = (typeof START_SCALES)[number]

/** All scales of the start. */
export const START_SCALES = ["sigma", "unit-variance"] as const

/** Ranges of `SpacingOptions`. */
export const SPACING_RANGES = {
  sigmaMin: { above: 0 },
  sigmaMax: { above: 0 },
  rho: { above: 0, max: 100 },
  alpha: { above: 0, max: 50 },
  beta: { above: 0, max: 50 },
} as const satisfies Readonly<Record<string, NumberRange>>
