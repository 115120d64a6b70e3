import * as tf from "@tensorflow/tfjs-core"
import { createDenoiser, type Network } from "../src/diffusion/denoiser.ts"
import type { SamplerName, SamplerOptions, SpacingUse, TimestepSpacing } from "../src/diffusion/names.ts"
import { findSampler, finish, type SamplerEntry, startFactor } from "../src/diffusion/samplers/index.ts"
import { createNoiseSchedule, type NoiseSchedule, sigmaAt } from "../src/diffusion/schedule.ts"
import { listedLevels, type NoiseLevels, noiseLevels } from "../src/diffusion/sigmas.ts"
import { type CaseResult, compare, type ReferenceTensors, readTensor } from "./case.ts"
import { normal } from "./synthetic.ts"

/** A sampler's run in diffusion.json or samplers.json: a class of diffusers with its settings. */
export interface SamplerReference {
  readonly cls: string
  readonly config: Readonly<Record<string, unknown>>
  readonly steps: number
  /** Arguments of every step. */
  readonly step?: { readonly eta?: number }
  /** What is given instead of a number of steps. */
  readonly custom?: "timesteps" | "sigmas"
  /** The network's timestep at every evaluation. */
  readonly timesteps: readonly number[]
  /** The levels. Some classes list a level twice, for the two evaluations of a step. */
  readonly sigmas: readonly number[] | null
}

/** Lists of levels that the runs with `custom` were given. */
export interface ListedLevels {
  readonly timesteps: readonly number[]
  readonly sigmas: readonly number[]
}

/** The classes of diffusers, by our names. */
const SAMPLERS_BY_CLASS: Readonly<Record<string, SamplerName>> = {
  DDIMScheduler: "ddim",
  DDPMScheduler: "ddpm",
  PNDMScheduler: "pndm",
  LMSDiscreteScheduler: "lms",
  EulerDiscreteScheduler: "euler",
  EulerAncestralDiscreteScheduler: "euler_a",
  HeunDiscreteScheduler: "heun",
  KDPM2DiscreteScheduler: "dpm_2",
  KDPM2AncestralDiscreteScheduler: "dpm_2_a",
  DPMSolverSDEScheduler: "dpmpp_sde",
  DPMSolverMultistepScheduler: "dpmsolver++",
  DPMSolverSinglestepScheduler: "dpmsingle",
  UniPCMultistepScheduler: "unipc",
  DEISMultistepScheduler: "deis",
  LCMScheduler: "lcm",
  TCDScheduler: "tcd",
}

/** Settings that are translated below, or that are the same here in any case. */
const SETTINGS: Readonly<Record<string, readonly unknown[]>> = {
  steps_offset: [1],
  clip_sample: [false],
  algorithm_type: ["dpmsolver++", "sde-dpmsolver++", "dpmsolver"],
  solver_order: [1, 2, 3],
  solver_type: ["midpoint", "heun"],
  set_alpha_to_one: [true, false],
  skip_prk_steps: [true],
  original_inference_steps: [50],
  variance_type: ["fixed_large"],
  // A run that ends at 0 ends with Euler's step anyway.
  euler_at_final: [true],
  final_sigmas_type: ["sigma_min"],
  interpolation_type: ["log_linear"],
  use_karras_sigmas: [true, false],
  use_exponential_sigmas: [true],
  use_beta_sigmas: [true],
  use_lu_lambdas: [true],
  prediction_type: ["epsilon", "v_prediction"],
  rescale_betas_zero_snr: [true, false],
  timestep_spacing: ["leading", "trailing"],
}

/** Runs a sampler on the reference's toy network and compares its levels, its first step and its end. */
export async function runSampler(
  tag: string,
  name: string,
  reference: SamplerReference,
  schedule: NoiseSchedule,
  tensors: ReferenceTensors,
  listed: ListedLevels = { timesteps: [], sigmas: [] },
): Promise<readonly CaseResult[]> {
  const { cls, config, timesteps, sigmas } = reference
  const label = `sampler.${name}`
  if (!Object.hasOwn(SAMPLERS_BY_CLASS, cls)) return [{ case: label, skipped: `no sampler like ${cls}` }]
  const strange = Object.entries(config).find(
    ([key, value]) => !Object.hasOwn(SETTINGS, key) || !SETTINGS[key]?.includes(value),
  )
  if (strange !== undefined) {
    return [{ case: label, skipped: `no setting ${strange[0]} = ${JSON.stringify(strange[1])} for ${cls}` }]
  }
  const entry = entryOf(reference)
  const levels = levelsOf(reference, entry, schedule, listed)
  const path = levels.sigmas
  const end = path.at(-1) as number

  // The first step is stored for short runs only.
  const wantFirst = tensors.tensors.has(`${label}.first`) ? await readTensor(tensors, `${label}.first`) : null
  const wantFinal = await readTensor(tensors, `${label}.final`)
  const shape = [...wantFinal.shape]
  const usedTimesteps: number[] = []
  const denoise = createDenoiser(toyNetwork, {
    prediction: config.prediction_type === "v_prediction" ? "v" : "epsilon",
    timestepOf(sigma, between) {
      const timestep = levels.timestepOf(sigma, between)
      usedTimesteps.push(timestep)
      return timestep
    },
  })
  /** Samplers that start from unit noise keep the variance-preserving form in the reference. */
  const inReferenceForm = async (x: tf.Tensor, sigma: number): Promise<Float32Array> => {
    const scale = entry.startScale === "sigma" ? 1 : Math.hypot(sigma, 1)
    return ((await x.data()) as Float32Array).map((value) => value / scale)
  }
  /** A step of the reference ends where the network is evaluated next. */
  const evaluated: Float32Array[] = []

  let draws = 0
  const noise = (): tf.Tensor => tf.tensor(normal(`${tag}/${name}/noise${draws++}`, shape), shape)
  const factor = startFactor(entry, path[0] as number, baseSpacing(entry, config))
  const start = tf.tidy(() => tf.mul(tf.tensor(normal(`${tag}/${name}/start`, shape), shape), factor))
  const final = await finish(
    entry.sample(
      async (x, sigma, at) => {
        evaluated.push(await inReferenceForm(x, sigma))
        return denoise(x, sigma, at)
      },
      start,
      path,
      {
        noise,
        options: optionsOf(reference, entry),
        timesteps: { timestepOf: levels.timestepOf, sigmaOf: (timestep) => sigmaAt(schedule, timestep) },
      },
    ),
  )
  const ours = await inReferenceForm(final, end)
  tf.dispose([start, final])
  // A step of no length is evaluated there, and not here.
  const wanted = path.at(-1) === path.at(-2) ? timesteps.slice(0, -1) : timesteps
  // With logarithmic interpolation, there is one level that no step reaches.
  const theirs = sigmas === null ? [] : withoutRepeats(sigmas).slice(0, levels.sigmas.length)
  return [
    compare(`${label}.timesteps`, usedTimesteps, wanted),
    ...(sigmas === null ? [] : [compare(`${label}.sigmas`, withoutRepeats(path), theirs)]),
    ...(wantFirst === null ? [] : [compare(`${label}.first`, evaluated[1] ?? ours, wantFirst.values)]),
    compare(`${label}.final`, ours, wantFinal.values),
  ]
}

/** Runs all samplers of a description. */
export async function runSamplers(
  tag: string,
  samplers: Readonly<Record<string, SamplerReference>>,
  schedules: { readonly plain: NoiseSchedule; readonly zeroTerminal: NoiseSchedule },
  tensors: ReferenceTensors,
  listed?: ListedLevels,
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = []
  for (const [name, sampler] of Object.entries(samplers)) {
    const schedule = sampler.config.rescale_betas_zero_snr === true ? schedules.zeroTerminal : schedules.plain
    results.push(...(await runSampler(tag, name, sampler, schedule, tensors, listed)))
  }
  return results
}

/** eps(x, t) = 0.7 tanh(0.9 x) + 0.2 sin(t / 50) */
export const toyNetwork: Network = (input, { timestep }) =>
  tf.tidy(() => tf.add(tf.mul(tf.tanh(tf.mul(input, 0.9)), 0.7), 0.2 * Math.sin(timestep / 50)))

function entryOf({ cls, config }: SamplerReference): SamplerEntry {
  if (config.skip_prk_steps === true) return findSampler("plms")
  const type = config.algorithm_type
  return findSampler(
    type === "sde-dpmsolver++" || type === "dpmsolver" ? type : (SAMPLERS_BY_CLASS[cls] as SamplerName),
  )
}

function optionsOf({ config, step = {} }: SamplerReference, { options }: SamplerEntry): SamplerOptions {
  const given: Record<string, unknown> = {
    order: config.solver_order,
    solver: config.solver_type,
    variance: config.variance_type === "fixed_large" ? "large" : undefined,
    eta: step.eta,
  }
  return Object.fromEntries(
    Object.entries(given).filter(([name, value]) => value !== undefined && Object.hasOwn(options, name)),
  )
}

/** The spacing in timesteps, without the curves of sigma. */
function baseSpacing(
  { name, spacing }: SamplerEntry,
  { timestep_spacing: given }: SamplerReference["config"],
): TimestepSpacing {
  if (given === "leading" || given === "trailing") return given
  return name === "sde-dpmsolver++" || name === "dpmpp_sde" ? "linspace" : spacing
}

function levelsOf(
  { config, steps, custom }: SamplerReference,
  entry: SamplerEntry,
  schedule: NoiseSchedule,
  listed: ListedLevels,
): NoiseLevels {
  if (custom === "timesteps") return listedLevels(schedule, { timesteps: listed.timesteps })
  if (custom === "sigmas") return listedLevels(schedule, { sigmas: listed.sigmas.slice(0, -1) })
  const atSmallest = config.final_sigmas_type === "sigma_min" || config.set_alpha_to_one === false
  const use: SpacingUse = { ...entry, ...(atSmallest ? { end: "smallest" } : {}) }
  const base = baseSpacing(entry, config)
  if (config.interpolation_type === "log_linear") {
    // diffusers makes one level too many, and keeps the timesteps of the linear levels.
    const { sigmas } = noiseLevels(schedule, steps + 1, "exponential")
    const { timesteps } = noiseLevels(schedule, steps, base)
    return listedLevels(schedule, { timesteps, sigmas: sigmas.slice(0, steps), end: sigmas[steps] as number })
  }
  const curves = {
    karras: "use_karras_sigmas",
    exponential: "use_exponential_sigmas",
    beta: "use_beta_sigmas",
    lu: "use_lu_lambdas",
  }
  const curve = (Object.keys(curves) as (keyof typeof curves)[]).find((name) => config[curves[name]] === true)
  if (curve === undefined) return noiseLevels(schedule, steps, base, use)
  if (use.grid === "intervals") return noiseLevels(schedule, steps, curve, use)
  // The other classes lay the curve between the ends of the spacing in timesteps.
  const ends = noiseLevels(schedule, steps, base, use).sigmas.slice(0, -1)
  return noiseLevels(schedule, steps, curve, use, { sigmaMin: ends.at(-1) as number, sigmaMax: ends[0] as number })
}

function withoutRepeats(values: readonly number[]): readonly number[] {
  return values.filter((value, i) => value !== values[i - 1])
}

/** The schedules of a description, plain and with zero terminal SNR. */
export function schedulesOf(schedule: {
  readonly num_train_timesteps: number
  readonly beta_start: number
  readonly beta_end: number
}): { readonly plain: NoiseSchedule; readonly zeroTerminal: NoiseSchedule } {
  const { num_train_timesteps: timesteps, beta_start: betaStart, beta_end: betaEnd } = schedule
  const options = { timesteps, betaStart, betaEnd }
  return {
    plain: createNoiseSchedule(options),
    zeroTerminal: createNoiseSchedule({ ...options, zeroTerminalSnr: true }),
  }
}
