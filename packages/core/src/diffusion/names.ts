/**
 * The samplers, spacings, predictions and sources of noise, as data. Nothing here loads TensorFlow.js.
 *
 * @module
 */
import type { NumberRange } from "../number-range.ts"
import type { TorchGeneratorName } from "../random/torch.ts"
import type { SpacingUse, StartScale, TimestepSpacing } from "./spacings/names.ts"

export * from "./spacings/names.ts"

/** What a network was trained to predict: the noise, or the velocity sqrt(ᾱ) noise - sqrt(1 - ᾱ) x0. */
export type Prediction = (typeof PREDICTIONS)[number]

/** All predictions. */
export const PREDICTIONS = ["epsilon", "v"] as const

/**
 * The source of noise: LLLite's streams, or a generator of PyTorch. With PyTorch's, a seed gives the same noise as
 * there. `comfyui` draws the start on the CPU and the noise of steps on an NVIDIA card, each from the seed.
 */
export type NoiseName = (typeof NOISE_NAMES)[number]

/** All sources of noise. */
export const NOISE_NAMES = ["lllite", "torch-cpu", "torch-cuda", "comfyui"] as const satisfies readonly (
  | "lllite"
  | "comfyui"
  | TorchGeneratorName
)[]

/** An option of samplers with its help text: a number of a range, or one of some names. */
export type SamplerOptionInfo = { readonly help: string } & (NumberRange | { readonly choices: readonly string[] })

/** All options of samplers, by the names of k-diffusion. `SAMPLERS` lists the options of each sampler. */
export const SAMPLER_OPTIONS = {
  eta: { help: "share of fresh noise in a step, 0 (none) to 1 (ancestral)", min: 0, max: 1 },
  sNoise: { help: "factor on the added noise", min: 0 },
  sChurn: { help: "total noise that is added before the steps of a run", min: 0 },
  sTmin: { help: "smallest sigma at which churn adds noise", min: 0 },
  sTmax: { help: "largest sigma at which churn adds noise", min: 0 },
  order: { help: "order of the method, 1 to 3", integer: true, min: 1, max: 3 },
  solver: { help: "how a step of second order weighs its two estimates", choices: ["midpoint", "heun"] },
  correction: { help: "the function B(h) of UniPC", choices: ["bh1", "bh2"] },
  variance: { help: "variance of DDPM's noise, the small or the large one", choices: ["small", "large"] },
  rtol: { help: "relative error of a step that dpm_adaptive allows", above: 0 },
  atol: { help: "absolute error of a step that dpm_adaptive allows", above: 0 },
  restarts: { help: "how often restart goes back, 0 for once or twice by the number of steps", integer: true, min: 0 },
  restartSteps: { help: "levels of each way back, where restarts is not 0", integer: true, min: 2 },
  restartMin: { help: "sigma at which restart goes back", above: 0 },
  restartMax: { help: "sigma to which restart goes back", above: 0 },
} as const satisfies Record<string, SamplerOptionInfo>

export type SamplerOptionName = keyof typeof SAMPLER_OPTIONS

/** The values that an option of samplers takes. */
export type SamplerOptionValue<Name extends SamplerOptionName> = (typeof SAMPLER_OPTIONS)[Name] extends {
  readonly choices: readonly (infer Choice)[]
}
  ? Choice
  : number

/** Options of a sampler. `SAMPLERS` has the defaults. */
export type SamplerOptions = { readonly [Name in SamplerOptionName]?: SamplerOptionValue<Name> }

/** A sampler's settings, by its name. */
export interface SamplerInfo extends SpacingUse {
  /** Default spacing. */
  readonly spacing: TimestepSpacing
  readonly startScale: StartScale
  /** The sampler's options with their defaults. */
  readonly options: SamplerOptions
  /** Whether it adds noise with any options. Default: false, it does so where `eta` or `sChurn` is above 0. */
  readonly alwaysNoisy?: true
  /** Whether the pictures of a batch would change each other's steps. Default: false. */
  readonly alone?: true
}

/** What diffusers' classes with levels, and ComfyUI with stable-diffusion-webui, take for an infinite sigma. */
const [DIFFUSERS_LARGEST, K_LARGEST] = [4096, 4518.64]

const ANCESTRAL = { eta: 1, sNoise: 1 } as const
const CHURN = { sChurn: 0, sTmin: 0, sTmax: Number.POSITIVE_INFINITY, sNoise: 1 } as const
const RESTART = { restarts: 0, restartSteps: 3, restartMin: 0.1, restartMax: 2, sNoise: 1 } as const
/** diffusers' classes of k-diffusion's methods. */
const EULER_LIKE = { spacing: "linspace", startScale: "sigma", largestSigma: DIFFUSERS_LARGEST } as const
/** diffusers' multistep classes. */
const MULTISTEP = { ...EULER_LIKE, startScale: "unit-variance", grid: "intervals" } as const
/** Settings of k-diffusion's functions, with the spacing that they are mostly used with. */
const K_KARRAS = { spacing: "karras", startScale: "sigma", largestSigma: K_LARGEST } as const
const K_EXPONENTIAL = { ...K_KARRAS, spacing: "exponential" } as const

/** The samplers by the names and with the settings of sd-scripts, then those of diffusers and of k-diffusion. */
export const SAMPLERS = {
  ddim: { spacing: "leading", startScale: "unit-variance", options: { eta: 0 } },
  pndm: { spacing: "leading", startScale: "unit-variance", end: "smallest", options: {} },
  lms: { ...EULER_LIKE, options: {} },
  euler: { ...EULER_LIKE, options: CHURN },
  euler_a: { ...EULER_LIKE, options: ANCESTRAL },
  heun: { ...EULER_LIKE, options: CHURN },
  dpm_2: { ...EULER_LIKE, wholeKarras: true, options: CHURN },
  dpm_2_a: { ...EULER_LIKE, wholeKarras: true, options: ANCESTRAL },
  dpmsolver: { ...MULTISTEP, end: "smallest", options: { order: 2, solver: "midpoint" } },
  "dpmsolver++": { ...MULTISTEP, options: { order: 2, solver: "midpoint" } },
  dpmsingle: { ...MULTISTEP, options: { order: 2 } },
  "sde-dpmsolver++": { ...MULTISTEP, spacing: "karras", options: { ...ANCESTRAL, order: 2, solver: "midpoint" } },
  unipc: { ...MULTISTEP, options: { order: 2, correction: "bh2" } },
  deis: { ...MULTISTEP, end: "smallest", options: { order: 2 } },
  plms: { spacing: "leading", startScale: "unit-variance", end: "smallest", options: {} },
  ddpm: { spacing: "leading_0", startScale: "unit-variance", alwaysNoisy: true, options: { variance: "small" } },
  lcm: { spacing: "lcm", startScale: "unit-variance", alwaysNoisy: true, options: { sNoise: 1 } },
  tcd: { spacing: "lcm", startScale: "unit-variance", end: "smallest", options: { eta: 0.3, sNoise: 1 } },
  dpmpp_2m: { ...K_KARRAS, options: {} },
  dpmpp_2m_sde: { ...K_EXPONENTIAL, options: { ...ANCESTRAL, solver: "midpoint" } },
  dpmpp_3m_sde: { ...K_EXPONENTIAL, options: ANCESTRAL },
  dpmpp_sde: { ...K_KARRAS, options: ANCESTRAL },
  dpmpp_2s_ancestral: { ...K_KARRAS, options: ANCESTRAL },
  dpm_fast: { ...K_KARRAS, options: { eta: 0, sNoise: 1 } },
  dpm_adaptive: { ...K_KARRAS, alone: true, options: { eta: 0, sNoise: 1, rtol: 0.05, atol: 0.0078 } },
  restart: { ...K_KARRAS, alwaysNoisy: true, options: RESTART },
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
  k_heun: "heun",
  euler_ancestral: "euler_a",
  dpm_2_ancestral: "dpm_2_a",
  dpmpp_2s_a: "dpmpp_2s_ancestral",
  dpm_sde: "dpmpp_sde",
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
