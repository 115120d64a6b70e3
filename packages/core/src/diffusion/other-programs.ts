/**
 * Samplers and noise levels as ComfyUI and stable-diffusion-webui name them, for readers and writers of their files.
 *
 * @module
 */
import { checkArgument } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { unknownName } from "../nearest.ts"
import type { OwnSamplerName, SamplerName, SamplerOptions, SpacingOptions, TimestepSpacing } from "./names.ts"
import { SAMPLER_NAMES } from "./names.ts"

/** A sampler with its noise levels, by our names. The fields are those of a recipe. */
export interface NamedSampling {
  readonly sampler: OwnSamplerName
  readonly spacing: TimestepSpacing
  readonly samplerOptions: SamplerOptions
  readonly spacingOptions: SpacingOptions
}

/** A sampler of another program. */
interface ForeignSampler {
  readonly sampler: OwnSamplerName
  readonly options?: SamplerOptions
  /** The level before the end is left out. */
  readonly discards?: true
}

interface WebuiSampler extends ForeignSampler {
  /** The schedule type that "Automatic" stands for. */
  readonly automatic: TimestepSpacing
  /** A sampler with its own timesteps, for which schedule types have no effect. */
  readonly own?: true
}

/** ComfyUI's samplers. Its `ddim` is Euler's method, and its `uni_pc` has third order. */
const COMFYUI_SAMPLERS: Readonly<Record<string, ForeignSampler>> = {
  euler: { sampler: "euler" },
  euler_ancestral: { sampler: "euler_a" },
  heun: { sampler: "heun" },
  dpm_2: { sampler: "dpm_2", discards: true },
  dpm_2_ancestral: { sampler: "dpm_2_a", discards: true },
  lms: { sampler: "lms" },
  dpm_fast: { sampler: "dpm_fast" },
  dpm_adaptive: { sampler: "dpm_adaptive" },
  dpmpp_2s_ancestral: { sampler: "dpmpp_2s_ancestral" },
  dpmpp_sde: { sampler: "dpmpp_sde" },
  dpmpp_sde_gpu: { sampler: "dpmpp_sde" },
  dpmpp_2m: { sampler: "dpmpp_2m" },
  dpmpp_2m_sde: { sampler: "dpmpp_2m_sde" },
  dpmpp_2m_sde_gpu: { sampler: "dpmpp_2m_sde" },
  dpmpp_2m_sde_heun: { sampler: "dpmpp_2m_sde", options: { solver: "heun" } },
  dpmpp_2m_sde_heun_gpu: { sampler: "dpmpp_2m_sde", options: { solver: "heun" } },
  dpmpp_3m_sde: { sampler: "dpmpp_3m_sde" },
  dpmpp_3m_sde_gpu: { sampler: "dpmpp_3m_sde" },
  ddpm: { sampler: "ddpm" },
  lcm: { sampler: "lcm" },
  deis: { sampler: "deis", options: { order: 3 } },
  ddim: { sampler: "euler" },
  uni_pc: { sampler: "unipc", options: { order: 3, correction: "bh1" }, discards: true },
  uni_pc_bh2: { sampler: "unipc", options: { order: 3, correction: "bh2" }, discards: true },
}

/** ComfyUI's schedulers. */
const COMFYUI_SCHEDULERS: Readonly<Record<string, TimestepSpacing>> = {
  normal: "uniform",
  karras: "karras",
  exponential: "exponential",
  sgm_uniform: "sgm_uniform",
  simple: "simple",
  ddim_uniform: "ddim_uniform",
  beta: "beta_timesteps",
  kl_optimal: "kl_optimal_0",
}

/** ComfyUI's names of samplers that there are here. */
export const COMFYUI_SAMPLER_NAMES: readonly string[] = Object.keys(COMFYUI_SAMPLERS)

/** ComfyUI's names of schedulers that there are here. */
export const COMFYUI_SCHEDULER_NAMES: readonly string[] = Object.keys(COMFYUI_SCHEDULERS)

/** ComfyUI's samplers whose results are near ours, and not the same. */
const NEAR_IN_COMFYUI: readonly string[] = ["deis", "uni_pc", "uni_pc_bh2"]

/** The samplers of stable-diffusion-webui. */
const WEBUI_SAMPLERS: Readonly<Record<string, WebuiSampler>> = {
  "DPM++ 2M": { sampler: "dpmpp_2m", automatic: "karras" },
  "DPM++ SDE": { sampler: "dpmpp_sde", automatic: "karras" },
  "DPM++ 2M SDE": { sampler: "dpmpp_2m_sde", automatic: "exponential" },
  "DPM++ 2M SDE Heun": { sampler: "dpmpp_2m_sde", options: { solver: "heun" }, automatic: "exponential" },
  "DPM++ 2S a": { sampler: "dpmpp_2s_ancestral", automatic: "karras" },
  "DPM++ 3M SDE": { sampler: "dpmpp_3m_sde", automatic: "exponential", discards: true },
  "Euler a": { sampler: "euler_a", automatic: "uniform" },
  Euler: { sampler: "euler", automatic: "uniform" },
  LMS: { sampler: "lms", automatic: "uniform" },
  Heun: { sampler: "heun", automatic: "uniform" },
  DPM2: { sampler: "dpm_2", automatic: "karras", discards: true },
  "DPM2 a": { sampler: "dpm_2_a", automatic: "karras", discards: true },
  "DPM fast": { sampler: "dpm_fast", automatic: "uniform" },
  "DPM adaptive": { sampler: "dpm_adaptive", automatic: "uniform" },
  Restart: { sampler: "restart", automatic: "karras" },
  LCM: { sampler: "lcm", automatic: "lcm", own: true },
  DDIM: { sampler: "ddim", automatic: "leading", own: true },
  PLMS: { sampler: "plms", automatic: "leading", own: true },
  UniPC: { sampler: "unipc", options: { order: 3, correction: "bh1" }, automatic: "linspace", own: true },
}

/** The schedule types of stable-diffusion-webui, without "Automatic". */
const WEBUI_SCHEDULES: Readonly<Record<string, TimestepSpacing>> = {
  Uniform: "uniform",
  Karras: "karras",
  Exponential: "exponential",
  Polyexponential: "polyexponential",
  "SGM Uniform": "sgm_uniform",
  "KL Optimal": "kl_optimal",
  "Align Your Steps": "align_your_steps",
  Simple: "simple",
  Normal: "uniform",
  DDIM: "ddim_uniform",
  Beta: "beta",
}

/** Names of stable-diffusion-webui's samplers that there are here. */
export const WEBUI_SAMPLER_NAMES: readonly string[] = Object.keys(WEBUI_SAMPLERS)

/** Names of stable-diffusion-webui's schedule types that there are here, without "Automatic". */
export const WEBUI_SCHEDULE_NAMES: readonly string[] = Object.keys(WEBUI_SCHEDULES)

/** Second names of schedule types. */
const WEBUI_SCHEDULE_ALIASES: Readonly<Record<string, string>> = { SGMUniform: "SGM Uniform" }

/** "Automatic", the schedule type that follows the sampler. */
const AUTOMATIC = "Automatic"

/**
 * A sampler and a scheduler of ComfyUI, such as `dpmpp_2m_sde` and `karras`.
 *
 * @throws CoreError with the nearest name, for a name that ComfyUI does not have or that cannot be had here
 */
export function comfyUiSampling(sampler: string, scheduler: string): NamedSampling {
  checkArgument("sampling: the sampler", sampler, "text")
  checkArgument("sampling: the scheduler", scheduler, "text")
  const spacing = find(COMFYUI_SCHEDULERS, scheduler, "scheduler of ComfyUI")
  const named = namedSampling(find(COMFYUI_SAMPLERS, sampler, "sampler of ComfyUI"), spacing)
  // ComfyUI adds the unit of signal wherever a run begins at the largest sigma.
  const startScale = spacing === "ddim_uniform" ? "sigma" : "unit-variance"
  return { ...named, spacingOptions: { ...named.spacingOptions, startScale } }
}

/** Whether the pictures of a sampler of ComfyUI are near ours, and not the same. */
export function isNearComfyUi(sampler: string): boolean {
  return NEAR_IN_COMFYUI.includes(sampler)
}

/**
 * A sampler of stable-diffusion-webui with its schedule type. Names before version 1.9 hold both, as "DPM++ 2M Karras".
 *
 * @param scheduleType Missing in files of older versions. Default: the end of the name, or else "Uniform".
 * @throws CoreError with the nearest name, for a name that the program does not have or that cannot be had here
 */
export function webuiSampling(sampler: string, scheduleType?: string): NamedSampling {
  checkArgument("sampling: the sampler", sampler, "text")
  if (scheduleType !== undefined) checkArgument("sampling: the schedule type", scheduleType, "text")
  const suffix = Object.keys(WEBUI_SCHEDULES).find((name) => sampler.toLowerCase().endsWith(` ${name.toLowerCase()}`))
  const isWhole = suffix === undefined || keyOf(WEBUI_SAMPLERS, sampler) !== undefined
  const name = isWhole ? sampler : sampler.slice(0, -suffix.length - 1)
  const found = find(WEBUI_SAMPLERS, name, "sampler of stable-diffusion-webui")
  const schedule = scheduleType ?? (isWhole ? "Uniform" : suffix)
  if (found.own === true || schedule.toLowerCase() === AUTOMATIC.toLowerCase()) {
    return namedSampling(found, found.automatic)
  }
  const type = WEBUI_SCHEDULE_ALIASES[schedule] ?? schedule
  return namedSampling(found, find(WEBUI_SCHEDULES, type, "schedule type of stable-diffusion-webui"))
}

/** The names that ComfyUI has for a sampler and its levels. Null if it has none that means the same. */
export function comfyUiNames(
  sampling: Pick<NamedSampling, "sampler" | "spacing"> & Partial<NamedSampling>,
): { readonly sampler: string; readonly scheduler: string } | null {
  checkArgument("sampling", sampling, "an object")
  const sampler = nameOf(COMFYUI_SAMPLERS, sampling, NEAR_IN_COMFYUI)
  // `linspace` has the same timesteps, and levels that differ in the sixth digit.
  const spacing = sampling.spacing === "linspace" ? "uniform" : sampling.spacing
  const scheduler = Object.keys(COMFYUI_SCHEDULERS).find((name) => COMFYUI_SCHEDULERS[name] === spacing)
  return sampler === undefined || scheduler === undefined ? null : { sampler, scheduler }
}

/** The names that stable-diffusion-webui has for a sampler and its levels. Null if it has none that means the same. */
export function webuiNames(
  sampling: Pick<NamedSampling, "sampler" | "spacing"> & Partial<NamedSampling>,
): { readonly sampler: string; readonly scheduleType: string } | null {
  checkArgument("sampling", sampling, "an object")
  const sampler = nameOf(WEBUI_SAMPLERS, sampling, [])
  if (sampler === undefined) return null
  const found = WEBUI_SAMPLERS[sampler]
  if (found?.own === true) return found.automatic === sampling.spacing ? { sampler, scheduleType: AUTOMATIC } : null
  const spacing = sampling.spacing === "linspace" ? "uniform" : sampling.spacing
  const scheduleType = Object.keys(WEBUI_SCHEDULES).find((name) => WEBUI_SCHEDULES[name] === spacing)
  return scheduleType === undefined ? null : { sampler, scheduleType }
}

function namedSampling({ sampler, options = {}, discards }: ForeignSampler, spacing: TimestepSpacing): NamedSampling {
  return {
    ...{ sampler, spacing, samplerOptions: options },
    spacingOptions: discards === true ? { discardPenultimate: true } : {},
  }
}

/** The first name in a table of a sampler with the same options, which leaves out the same level. */
function nameOf(
  table: Readonly<Record<string, ForeignSampler>>,
  { sampler, samplerOptions = {}, spacingOptions = {} }: Pick<NamedSampling, "sampler"> & Partial<NamedSampling>,
  without: readonly string[],
): string | undefined {
  const wanted = JSON.stringify(samplerOptions)
  return Object.keys(table).find((name) => {
    const { options = {}, discards = false, ...entry } = table[name] as ForeignSampler
    const isSame = entry.sampler === sampler && JSON.stringify(options) === wanted
    return isSame && discards === (spacingOptions.discardPenultimate ?? false) && !without.includes(name)
  })
}

function keyOf(table: Readonly<Record<string, unknown>>, name: string): string | undefined {
  return Object.keys(table).find((key) => key.toLowerCase() === name.trim().toLowerCase())
}

function find<T>(table: Readonly<Record<string, T>>, name: string, what: string): T {
  const key = keyOf(table, name)
  if (key === undefined) throw unknownName("sampler", what, name, Object.keys(table))
  return table[key] as T
}

/** A sampler by any of its names, with what the name says beside it. */
export interface SamplingByName {
  readonly sampler: SamplerName
  /** Missing: the sampler's. */
  readonly spacing?: TimestepSpacing
  readonly samplerOptions: SamplerOptions
  readonly spacingOptions: SpacingOptions
}

/**
 * A sampler by our name, or by a name of ComfyUI or stable-diffusion-webui, such as `euler_a`, `uni_pc_bh2` or "DPM++ 2M
 * Karras". A name of several programs is ours. Null for an unknown name.
 */
export function samplingByName(name: string): SamplingByName | null {
  checkArgument("sampling: the name", name, "text")
  const own = SAMPLER_NAMES.find((known) => known === name)
  if (own !== undefined) return { sampler: own, samplerOptions: {}, spacingOptions: {} }
  const foreign = Object.hasOwn(COMFYUI_SAMPLERS, name) ? COMFYUI_SAMPLERS[name] : undefined
  if (foreign !== undefined) {
    const { spacing: _, ...sampling } = namedSampling(foreign, "karras")
    return sampling
  }
  try {
    const isBare = keyOf(WEBUI_SAMPLERS, name) !== undefined
    return webuiSampling(name, isBare ? AUTOMATIC : undefined)
  } catch (error) {
    if (error instanceof CoreError) return null
    throw error
  }
}

/**
 * Whether ComfyUI and stable-diffusion-webui draw a sampler's noise out of a Brownian tree, as k-diffusion does. Here
 * its steps have noise of their own.
 */
export function isOfBrownianTree(sampler: string): boolean {
  return ["dpmpp_sde", "dpmpp_2m_sde", "dpmpp_3m_sde"].includes(sampler)
}
