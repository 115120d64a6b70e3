/**
 * The samplers, spacings, predictions and sources of noise, as data. Nothing here loads TensorFlow.js.
 *
 * @module
 */
import type { NumberRange } from "../number-range.ts"
import type { TorchGeneratorName } from "../random/torch.ts"

/** What a network was trained to predict: the noise, or the velocity sqrt(ᾱ) noise - sqrt(1 - ᾱ) x0. */
export type Prediction = (typeof PREDICTIONS)[number]

/** All predictions. */
export const PREDICTIONS = ["epsilon", "v"] as const

/**
 * Which of the schedule's T timesteps a run of n steps visits:
 *
 * - `leading`: every (T/n)-th, counted up from 1 (DDIM as Stable Diffusion sets it)
 * - `linspace`: n even points from T-1 to 0, fractional (Euler)
 * - `linspace-rounded`: n + 1 even points, rounded, without the last (DPM-Solver++)
 * - `trailing`: every (T/n)-th, counted down from T-1 (zero terminal SNR)
 * - `karras`: n levels from the largest to the smallest sigma, even in sigma^(1/7) (Karras et al. 2022, equation 5)
 * - `karras-rounded`: the same levels, given to the network as whole timesteps
 */
export type TimestepSpacing = (typeof TIMESTEP_SPACINGS)[number]

/** All spacings. */
export const TIMESTEP_SPACINGS = [
  "leading",
  "linspace",
  "linspace-rounded",
  "trailing",
  "karras",
  "karras-rounded",
] as const

/**
 * The source of noise: LLLite's streams, or a generator of PyTorch. With PyTorch's, a seed gives the same noise as
 * there.
 */
export type NoiseName = (typeof NOISE_NAMES)[number]

/** All sources of noise. */
export const NOISE_NAMES = ["lllite", "torch-cpu", "torch-cuda"] as const satisfies readonly (
  | "lllite"
  | TorchGeneratorName
)[]

/** An option of samplers, with its help text and its range. */
export interface SamplerOptionInfo extends NumberRange {
  readonly help: string
}

/** All options of samplers, by the names of k-diffusion. `SAMPLERS` lists the options of each sampler. */
export const SAMPLER_OPTIONS = {
  eta: { help: "share of fresh noise in a step, 0 (none) to 1 (ancestral)", min: 0, max: 1 },
  sNoise: { help: "factor on the added noise", min: 0 },
  sChurn: { help: "total noise that is added before the steps of a run", min: 0 },
  sTmin: { help: "smallest sigma at which churn adds noise", min: 0 },
  sTmax: { help: "largest sigma at which churn adds noise", min: 0 },
} as const satisfies Record<string, SamplerOptionInfo>

export type SamplerOptionName = keyof typeof SAMPLER_OPTIONS

/** Options of a sampler. `SAMPLERS` has the defaults. */
export type SamplerOptions = { readonly [Name in SamplerOptionName]?: number }

/**
 * The factor on unit noise at the start. `sigma` is noise alone. `unit-variance` is noise in the variance-preserving
 * form, which is sqrt(sigma² + 1) in the scale of samplers.
 */
export type StartScale = "sigma" | "unit-variance"

/** A sampler's settings, by its name. */
export interface SamplerInfo {
  /** Default spacing. */
  readonly spacing: TimestepSpacing
  readonly startScale: StartScale
  /** The sampler's options with their defaults. */
  readonly options: SamplerOptions
}

const ANCESTRAL = { eta: 1, sNoise: 1 } as const
const CHURN = { sChurn: 0, sTmin: 0, sTmax: Number.POSITIVE_INFINITY, sNoise: 1 } as const

/** The samplers by the names and with the settings of sd-scripts, and two samplers of diffusers. */
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

/** A sampler's first name. */
export type OwnSamplerName = keyof typeof SAMPLERS

/** Second names of samplers. */
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

/** A sampler with its first name, such as `euler` for `k_euler`. Null for an unknown name. */
export function samplerInfo(name: string): (SamplerInfo & { readonly name: OwnSamplerName }) | null {
  const own = keysOf(SAMPLER_ALIASES).find((alias) => alias === name)
  const found = keysOf(SAMPLERS).find((key) => key === (own === undefined ? name : SAMPLER_ALIASES[own]))
  return found === undefined ? null : { name: found, ...SAMPLERS[found] }
}

function keysOf<T extends object>(table: T): readonly (keyof T & string)[] {
  return Object.keys(table) as (keyof T & string)[]
}
