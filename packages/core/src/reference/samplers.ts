import * as tf from "@tensorflow/tfjs-core"
import { createDenoiser, type Network } from "../diffusion/denoiser.ts"
import { findSampler, type SamplerEntry, type SamplerName, startFactor } from "../diffusion/samplers/index.ts"
import type { NoiseSchedule } from "../diffusion/schedule.ts"
import { noiseLevels, type TimestepSpacing } from "../diffusion/sigmas.ts"
import { type CaseResult, compare, type ReferenceTensors, readTensor } from "./case.ts"
import { normal } from "./synthetic.ts"

/** A sampler's run in diffusion.json: a class of diffusers and how it was set. */
export interface SamplerReference {
  readonly cls: string
  readonly config: Readonly<Record<string, unknown>>
  readonly steps: number
  readonly timesteps: readonly number[]
  readonly sigmas: readonly number[] | null | string
}

/** The classes of diffusers that are built here, by our name. */
const SAMPLERS_BY_CLASS: Readonly<Record<string, SamplerName>> = {
  DDIMScheduler: "ddim",
  EulerDiscreteScheduler: "euler",
  DPMSolverMultistepScheduler: "dpmsolver++",
}

/** Settings that are either translated below or say what is the case here anyway. */
const SETTINGS: Readonly<Record<string, readonly unknown[]>> = {
  steps_offset: [1],
  clip_sample: [false],
  algorithm_type: ["dpmsolver++"],
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
  const known = Object.hasOwn(SAMPLERS_BY_CLASS, cls) ? SAMPLERS_BY_CLASS[cls] : undefined
  if (known === undefined) return [{ case: label, skipped: `no sampler like ${cls}` }]
  const strange = Object.entries(config).find(
    ([key, value]) => !Object.hasOwn(SETTINGS, key) || !SETTINGS[key]?.includes(value),
  )
  if (strange !== undefined) {
    return [{ case: label, skipped: `no setting ${strange[0]} = ${JSON.stringify(strange[1])} for ${cls}` }]
  }
  const entry = findSampler(known)
  const levels = noiseLevels(schedule, steps, spacingOf(entry, config))
  const ends = config.set_alpha_to_one === false ? (schedule.sigmas[0] as number) : 0
  const path = [...levels.sigmas.slice(0, -1), ends]
  const denoise = createDenoiser(toyNetwork, {
    prediction: config.prediction_type === "v_prediction" ? "v" : "epsilon",
    timestepOf: levels.timestepOf,
  })

  const wantFirst = await readTensor(tensors, `${label}.first`)
  const wantFinal = await readTensor(tensors, `${label}.final`)
  const shape = [...wantFinal.shape]
  const noise = tf.tensor(normal(`${tag}/${name}/start`, shape), shape)
  const start = tf.mul(noise, startFactor(entry, path[0] as number))
  const samples: Float32Array[] = []
  const walk = entry.sample(denoise, start, path)
  for (;;) {
    const { value, done } = await walk.next()
    samples.push((await (done ? value : value.x).data()) as Float32Array)
    if (!done) continue
    value.dispose()
    break
  }
  tf.dispose([noise, start])

  const at = (index: number): Float32Array => inReferenceForm(entry, path, samples, index)
  return [
    compare(`${label}.timesteps`, levels.timesteps, timesteps),
    ...(Array.isArray(sigmas) ? [compare(`${label}.sigmas`, path, sigmas)] : []),
    compare(`${label}.first`, at(1), wantFirst.values),
    compare(`${label}.final`, at(samples.length - 1), wantFinal.values),
  ]
}

/** eps(x, t) = 0.7 tanh(0.9 x) + 0.2 sin(t / 50) */
const toyNetwork: Network = (input, timestep) =>
  tf.tidy(() => tf.add(tf.mul(tf.tanh(tf.mul(input, 0.9)), 0.7), 0.2 * Math.sin(timestep / 50)))

function spacingOf(entry: SamplerEntry, config: SamplerReference["config"]): TimestepSpacing {
  if (config.use_karras_sigmas === true) return entry.startScale === "sigma" ? "karras" : "karras-rounded"
  return config.timestep_spacing === "trailing" ? "trailing" : entry.spacing
}

/** Samplers that start from unit noise keep the variance-preserving form in the reference. */
function inReferenceForm(
  entry: SamplerEntry,
  path: readonly number[],
  samples: readonly Float32Array[],
  index: number,
): Float32Array {
  const scale = entry.startScale === "sigma" ? 1 : Math.hypot(path[index] as number, 1)
  return (samples[index] as Float32Array).map((value) => value / scale)
}
