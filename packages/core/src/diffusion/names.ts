/**
 * The samplers, spacings, predictions and sources of noise to choose from, as data. Nothing here loads TensorFlow.js.
 *
 * @module
 */
import type { NumberRange } from "../number-range.ts"
import type { TorchGeneratorName } from "../random/torch.ts"

/** What a network was trained to predict: the noise, or the velocity sqrt(ᾱ) noise - sqrt(1 - ᾱ) x0. */
export type Prediction = (typeof PREDICTIONS)[number]

/** All predictions there are. */
export const PREDICTIONS = ["epsilon", "v"] as const

/**
 * Which timesteps a run visits, of T in the schedule, with n steps:
 *
 * - `leading`: every (T/n)-th, counted up from 1 (DDIM as Stable Diffusion sets it)
 * - `linspace`: n even points from T-1 to 0, fractional (Euler)
 * - `linspace-rounded`: n + 1 even points, rounded, without the last (DPM-Solver++)
 * - `trailing`: every (T/n)-th, counted down from T-1 (zero terminal SNR)
 * - `karras`: n levels from the largest to the smallest sigma, even in sigma^(1/7) (Karras et al. 2022, equation 5)
 * - `karras-rounded`: the same levels, given to the network as whole timesteps
 */
export type TimestepSpacing = (typeof TIMESTEP_SPACINGS)[number]

/** All spacings there are. */
export const TIMESTEP_SPACINGS = [
  "leading",
  "linspace",
  "linspace-rounded",
  "trailing",
  "karras",
  "karras-rounded",
] as const

/**
 * Where noise comes from: our own streams, or the generators of PyTorch by name, where a seed means what it means
 * there.
 */
export type NoiseName = (typeof NOISE_NAMES)[number]

/** All sources of noise there are. */
export const NOISE_NAMES = ["lllite", "torch-cpu", "torch-cuda"] as const satisfies readonly (
  | "lllite"
  | TorchGeneratorName
)[]

/** An option that samplers may take: what it does, and the values it may have. */
export interface SamplerOptionInfo extends NumberRange {
  readonly help: string
}

/** All options that samplers take, by the names of k-diffusion. Which sampler takes which is said in `SAMPLERS`. */
export const SAMPLER_OPTIONS = {
  eta: { help: "share of fresh noise in a step, 0 (none) to 1 (ancestral)", min: 0, max: 1 },
  sNoise: { help: "factor of the noise that is added", min: 0 },
  sChurn: { help: "noise added before the steps of a run, in all", min: 0 },
  sTmin: { help: "smallest sigma at which churn adds noise", min: 0 },
  sTmax: { help: "largest sigma at which churn adds noise", min: 0 },
} as const satisfies Record<string, SamplerOptionInfo>

export type SamplerOptionName = keyof typeof SAMPLER_OPTIONS

/** Options of a sampler. Each has a default of its own in `SAMPLERS`. */
export type SamplerOptions = { readonly [Name in SamplerOptionName]?: number }

/**
 * How a start is made from unit noise: `sigma` (noise alone), or `unit-variance`, noise in the variance-preserving
 * form, which is sqrt(sigma² + 1) in the form samplers work in.
 */
export type StartScale = "sigma" | "unit-variance"

/** A sampler as it is chosen by name. */
export interface SamplerInfo {
  /** Default spacing. */
  readonly spacing: TimestepSpacing
  readonly startScale: StartScale
  /** The options that it takes, with their defaults. */
  readonly options: SamplerOptions
}

const ANCESTRAL = { eta: 1, sNoise: 1 } as const
const CHURN = { sChurn: 0, sTmin: 0, sTmax: Number.POSITIVE_INFINITY, sNoise: 1 } as const

/** The samplers by the names that sd-scripts gives them, each set as it is there, and two of diffusers'. */
export const SAMPLERS = {
  ddim: { spacing: "leading", startScale: "unit-variance", options: { eta: 0 } },
  lms: { spacing: "linspace", startScale: "sigma", options: {} },
  euler: { spacing: "linspace", startScale: "sigma", options: CHURN },
  euler_a: { spacing: "linspace", startScale: "sigma", options: ANCESTRAL },
  heun: { spacing: "linspace", startScale: "sigma", options: CHURN },
  dpm_2: { spacing: "linspace", startScale: "sigma", options: CHURN },
  dpm_2_a: { spacing: "linspace", startScale: "sigma", options: ANCESTRAL },
  "dpmsolver++": { spacing: "linspace-rounded", startScale: "unit-variance", options: {} },
  dpmsingle: { spacing: "linspace-rounded", startScale: "unit-variance", options: {} },
  "sde-dpmsolver++": { spacing: "karras-rounded", startScale: "unit-variance", options: ANCESTRAL },
  unipc: { spacing: "linspace-rounded", startScale: "unit-variance", options: {} },
} as const satisfies Record<string, SamplerInfo>

/** A sampler by its own name. */
export type OwnSamplerName = keyof typeof SAMPLERS

/** Second names, which mean the same. */
export const SAMPLER_ALIASES = {
  k_lms: "lms",
  k_euler: "euler",
  k_euler_a: "euler_a",
  k_dpm_2: "dpm_2",
  k_dpm_2_a: "dpm_2_a",
} as const satisfies Record<string, OwnSamplerName>

export type SamplerName = OwnSamplerName | keyof typeof SAMPLER_ALIASES

/** All names of samplers, second names last. */
export const SAMPLER_NAMES: readonly SamplerName[] = [...keysOf(SAMPLERS), ...keysOf(SAMPLER_ALIASES)]

/** A sampler with its own name: `euler` for `k_euler`; null if there is none of that name. */
export function samplerInfo(name: string): (SamplerInfo & { readonly name: OwnSamplerName }) | null {
  const own = keysOf(SAMPLER_ALIASES).find((alias) => alias === name)
  const found = keysOf(SAMPLERS).find((key) => key === (own === undefined ? name : SAMPLER_ALIASES[own]))
  return found === undefined ? null : { name: found, ...SAMPLERS[found] }
}

function keysOf<T extends object>(table: T): readonly (keyof T & string)[] {
  return Object.keys(table) as (keyof T & string)[]
}
