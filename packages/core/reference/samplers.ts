import * as tf from "@tensorflow/tfjs-core"
import { createDenoiser, type Network } from "../src/diffusion/denoiser.ts"
import type { SamplerName, TimestepSpacing } from "../src/diffusion/names.ts"
import { findSampler, finish, type SamplerEntry, startFactor } from "../src/diffusion/samplers/index.ts"
import type { NoiseSchedule } from "../src/diffusion/schedule.ts"
import { noiseLevels } from "../src/diffusion/sigmas.ts"
import { type CaseResult, compare, type ReferenceTensors, readTensor } from "./case.ts"
import { normal } from "./synthetic.ts"

/** A sampler's run in diffusion.json: a class of diffusers with its settings. */
export interface SamplerReference {
  readonly cls: string
  readonly config: Readonly<Record<string, unknown>>
  readonly steps: number
  /** The network's timestep at every evaluation. */
  readonly timesteps: readonly number[]
  /** The levels. Some classes list a level twice, for the two evaluations of a step. */
  readonly sigmas: readonly number[] | null
}

/** The supported classes of diffusers, by our names. */
const SAMPLERS_BY_CLASS: Readonly<Record<string, SamplerName>> = {
  DDIMScheduler: "ddim",
  LMSDiscreteScheduler: "lms",
  EulerDiscreteScheduler: "euler",
  EulerAncestralDiscreteScheduler: "euler_a",
  HeunDiscreteScheduler: "heun",
  KDPM2DiscreteScheduler: "dpm_2",
  KDPM2AncestralDiscreteScheduler: "dpm_2_a",
  DPMSolverMultistepScheduler: "dpmsolver++",
  DPMSolverSinglestepScheduler: "dpmsingle",
  UniPCMultistepScheduler: "unipc",
}

/** Settings that are translated below, or that are the same here in any case. */
const SETTINGS: Readonly<Record<string, readonly unknown[]>> = {
  steps_offset: [1],
  clip_sample: [false],
  algorithm_type: ["dpmsolver++", "sde-dpmsolver++"],
  set_alpha_to_one: [true, false],
  use_karras_sigmas: [true, false],
  prediction_type: ["epsilon", "v_prediction"],
  rescale_betas_zero_snr: [true, false],
  timestep_spacing: ["trailing"],
}

/** Runs a sampler on the reference's toy network and compares its levels, its first step and its end. */
export async function runSampler(
  tag: string,
  name: string,
  { cls, config, steps, timesteps, sigmas }: SamplerReference,
  schedule: NoiseSchedule,
  tensors: ReferenceTensors,
): Promise<readonly CaseResult[]> {
  const label = `sampler.${name}`
  if (!Object.hasOwn(SAMPLERS_BY_CLASS, cls)) return [{ case: label, skipped: `no sampler like ${cls}` }]
  const strange = Object.entries(config).find(
    ([key, value]) => !Object.hasOwn(SETTINGS, key) || !SETTINGS[key]?.includes(value),
  )
  if (strange !== undefined) {
    return [{ case: label, skipped: `no setting ${strange[0]} = ${JSON.stringify(strange[1])} for ${cls}` }]
  }
  const isSde = config.algorithm_type === "sde-dpmsolver++"
  const entry = findSampler(isSde ? "sde-dpmsolver++" : (SAMPLERS_BY_CLASS[cls] as SamplerName))
  const levels = noiseLevels(schedule, steps, spacingOf(entry, config))
  const end = config.set_alpha_to_one === false ? (schedule.sigmas[0] as number) : 0
  const path = [...levels.sigmas.slice(0, -1), end]

  const wantFirst = await readTensor(tensors, `${label}.first`)
  const wantFinal = await readTensor(tensors, `${label}.final`)
  const shape = [...wantFinal.shape]
  const usedTimesteps: number[] = []
  const denoise = createDenoiser(toyNetwork, {
    prediction: config.prediction_type === "v_prediction" ? "v" : "epsilon",
    timestepOf(sigma) {
      const timestep = levels.timestepOf(sigma)
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
  const start = tf.tidy(() =>
    tf.mul(tf.tensor(normal(`${tag}/${name}/start`, shape), shape), startFactor(entry, path[0] as number)),
  )
  const final = await finish(
    entry.sample(
      async (x, sigma, at) => {
        evaluated.push(await inReferenceForm(x, sigma))
        return denoise(x, sigma, at)
      },
      start,
      path,
      { noise },
    ),
  )
  const ours = await inReferenceForm(final, end)
  tf.dispose([start, final])
  return [
    compare(`${label}.timesteps`, usedTimesteps, timesteps),
    ...(sigmas === null ? [] : [compare(`${label}.sigmas`, path, withoutRepeats(sigmas))]),
    compare(`${label}.first`, evaluated[1] ?? ours, wantFirst.values),
    compare(`${label}.final`, ours, wantFinal.values),
  ]
}

/** eps(x, t) = 0.7 tanh(0.9 x) + 0.2 sin(t / 50) */
export const toyNetwork: Network = (input, { timestep }) =>
  tf.tidy(() => tf.add(tf.mul(tf.tanh(tf.mul(input, 0.9)), 0.7), 0.2 * Math.sin(timestep / 50)))

function spacingOf(entry: SamplerEntry, config: SamplerReference["config"]): TimestepSpacing {
  if (config.use_karras_sigmas === true) return entry.startScale === "sigma" ? "karras" : "karras-rounded"
  return config.timestep_spacing === "trailing" ? "trailing" : entry.spacing
}

function withoutRepeats(values: readonly number[]): readonly number[] {
  return values.filter((value, i) => value !== values[i - 1])
}
