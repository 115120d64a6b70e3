import * as tf from "@tensorflow/tfjs-core"
import { createDenoiser } from "../src/diffusion/denoiser.ts"
import type { SamplerName, SamplerOptionName } from "../src/diffusion/names.ts"
import { findSampler, finish } from "../src/diffusion/samplers/index.ts"
import { createNoiseSchedule, timestepAt } from "../src/diffusion/schedule.ts"
import { type CaseResult, compare, type ReferenceTensors } from "./case.ts"
import { toyNetwork } from "./samplers.ts"
import { normal } from "./synthetic.ts"

/** The part of samplers.json from k-diffusion: its functions on the toy network. */
export interface KDiffusionReference {
  readonly tag: string
  readonly kDiffusion: {
    readonly runs: Readonly<Record<string, KDiffusionRun>>
    /** Levels, by schedule and number of steps. */
    readonly schedules: Readonly<Record<string, readonly number[]>>
  }
}

interface KDiffusionRun {
  readonly function: string
  readonly schedule: string
  readonly steps: number
  readonly args: Readonly<Record<string, unknown>>
  readonly prediction: string
}

/** Functions of k-diffusion by our names. */
const SAMPLERS_BY_FUNCTION: Readonly<Record<string, SamplerName>> = {
  sample_euler: "euler",
  sample_euler_ancestral: "euler_a",
  sample_heun: "heun",
  sample_dpm_2: "dpm_2",
  sample_dpm_2_ancestral: "dpm_2_a",
  sample_lms: "lms",
  sample_dpmpp_2m: "dpmsolver++",
  sample_dpmpp_2m_sde: "sde-dpmsolver++",
}

/** Arguments of its functions by our options. */
const OPTIONS_BY_ARGUMENT: Readonly<Record<string, SamplerOptionName>> = {
  eta: "eta",
  s_noise: "sNoise",
  s_churn: "sChurn",
  s_tmin: "sTmin",
  s_tmax: "sTmax",
}

/** Runs the samplers and their options on k-diffusion's levels. The noise depends on the step alone. */
export async function runKDiffusion(
  { tag, kDiffusion }: KDiffusionReference,
  tensors: ReferenceTensors,
): Promise<readonly CaseResult[]> {
  const schedule = createNoiseSchedule()
  const results: CaseResult[] = []
  for (const [name, { function: called, schedule: levels, steps, args, prediction }] of Object.entries(
    kDiffusion.runs,
  )) {
    const sampler = SAMPLERS_BY_FUNCTION[called]
    const sigmas = kDiffusion.schedules[`${levels}.${steps}`]
    const strange = Object.keys(args).find((argument) => !Object.hasOwn(OPTIONS_BY_ARGUMENT, argument))
    if (sampler === undefined || sigmas === undefined || strange !== undefined) {
      results.push({ case: name, skipped: `no ${strange ?? called} on ${levels}` })
      continue
    }
    if (sampler === "dpmsolver++" && sigmas.at(-1) !== 0 && steps < 15) {
      results.push({ case: name, skipped: "a last step of second order in a short run that ends above 0" })
      continue
    }
    const options = Object.fromEntries(Object.entries(args).map(([key, value]) => [OPTIONS_BY_ARGUMENT[key], value]))
    const shape = [...(tensors.tensors.get(`${name}.final`)?.shape ?? [])]
    const denoise = createDenoiser(toyNetwork, {
      prediction: prediction === "v" ? "v" : "epsilon",
      timestepOf: (sigma) => timestepAt(schedule, sigma, "log"),
    })
    const start = tf.tidy(() => tf.mul(tf.tensor(normal(`${tag}/${name}/start`, shape), shape), sigmas[0] as number))
    const final = await finish(
      findSampler(sampler).sample(denoise, start, sigmas, {
        options,
        noise: ({ from }) => tf.tensor(normal(`${tag}/${name}/noise${sigmas.indexOf(from)}`, shape), shape),
      }),
    )
    results.push(compare(name, await final.data<"float32">(), await tensors.readFloat32(`${name}.final`)))
    tf.dispose([start, final])
  }
  return results
}
