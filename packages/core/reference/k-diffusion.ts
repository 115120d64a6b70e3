import * as tf from "@tensorflow/tfjs-core"
import { createDenoiser } from "../src/diffusion/denoiser.ts"
import type { SamplerName, SamplerOptionName, SpacingName } from "../src/diffusion/names.ts"
import { findSampler, finish } from "../src/diffusion/samplers/index.ts"
import { createNoiseSchedule, timestepAt } from "../src/diffusion/schedule.ts"
import { noiseLevels } from "../src/diffusion/sigmas.ts"
import { type CaseResult, compare, type ReferenceTensors } from "./case.ts"
import { toyNetwork } from "./samplers.ts"
import { normal } from "./synthetic.ts"

/** The part of samplers.json from k-diffusion and stable-diffusion-webui: their functions on the toy network. */
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

/** Functions by our names. */
const SAMPLERS_BY_FUNCTION: Readonly<Record<string, SamplerName>> = {
  sample_euler: "euler",
  sample_euler_ancestral: "euler_a",
  sample_heun: "heun",
  sample_dpm_2: "dpm_2",
  sample_dpm_2_ancestral: "dpm_2_a",
  sample_lms: "lms",
  sample_dpmpp_2s_ancestral: "dpmpp_2s_ancestral",
  sample_dpmpp_sde: "dpmpp_sde",
  sample_dpmpp_2m: "dpmpp_2m",
  sample_dpmpp_2m_sde: "dpmpp_2m_sde",
  sample_dpmpp_3m_sde: "dpmpp_3m_sde",
  sample_dpm_fast: "dpm_fast",
  sample_dpm_adaptive: "dpm_adaptive",
  restart_sampler: "restart",
}

/** Arguments of the functions by our options. */
const OPTIONS_BY_ARGUMENT: Readonly<Record<string, SamplerOptionName>> = {
  eta: "eta",
  s_noise: "sNoise",
  s_churn: "sChurn",
  s_tmin: "sTmin",
  s_tmax: "sTmax",
  solver_type: "solver",
}

/** The largest relative error of a level in float32, which has few digits of the smallest one. */
const LEVEL_TOLERANCE = 2e-5
/** The curve `vp` loses more digits there, because it subtracts 1 from a number near 1. */
const VP_TOLERANCE = 5e-4

/** Compares the levels of every schedule, each relative to itself, and runs the samplers with their options. */
export async function runKDiffusion(
  { tag, kDiffusion }: KDiffusionReference,
  tensors: ReferenceTensors,
): Promise<readonly CaseResult[]> {
  const schedule = createNoiseSchedule()
  const results: CaseResult[] = []
  for (const [name, theirs] of Object.entries(kDiffusion.schedules)) {
    const [spacing = "", steps] = name.split(".")
    const { sigmas } = noiseLevels(schedule, Number(steps), spacing as SpacingName)
    const shares = sigmas.map((sigma, i) => (sigma === theirs[i] ? 1 : sigma / (theirs[i] ?? 0)))
    results.push(
      compare(
        `schedule.${name}`,
        shares,
        Array(theirs.length).fill(1),
        spacing === "vp" ? VP_TOLERANCE : LEVEL_TOLERANCE,
      ),
    )
  }
  for (const [name, run] of Object.entries(kDiffusion.runs)) {
    const { function: called, schedule: spacing, steps, args, prediction } = run
    const sampler = SAMPLERS_BY_FUNCTION[called]
    const options = optionsOf(args)
    if (sampler === undefined || options === null) {
      results.push({ case: name, skipped: `no ${called} with ${JSON.stringify(args)}` })
      continue
    }
    const { sigmas } = noiseLevels(schedule, steps, spacing as SpacingName)
    const entry = findSampler(sampler)
    const shape = [...(tensors.tensors.get(`${name}.final`)?.shape ?? [])]
    const denoise = createDenoiser(toyNetwork, {
      prediction: prediction === "v" ? "v" : "epsilon",
      timestepOf: (sigma) => timestepAt(schedule, sigma, "log"),
    })
    // Samplers with churn draw noise at every step there, and use it where they need it.
    const isChurned = Object.hasOwn(entry.options, "sChurn")
    let draws = 0
    const start = tf.tidy(() => tf.mul(tf.tensor(normal(`${tag}/${name}/start`, shape), shape), sigmas[0] as number))
    const final = await finish(
      entry.sample(denoise, start, sigmas, {
        options,
        noise: ({ from }) =>
          tf.tensor(normal(`${tag}/${name}/noise${isChurned ? sigmas.indexOf(from) : draws++}`, shape), shape),
      }),
    )
    results.push(compare(name, await final.data<"float32">(), await tensors.readFloat32(`${name}.final`)))
    tf.dispose([start, final])
  }
  return results
}

/** The options for a function's arguments. Null for an unknown argument. */
function optionsOf({ restart_list: restarts, ...args }: KDiffusionRun["args"]): Record<string, number | string> | null {
  const options: Record<string, number | string> = {}
  for (const [argument, value] of Object.entries(args)) {
    const name = OPTIONS_BY_ARGUMENT[argument]
    if (name === undefined || (typeof value !== "number" && typeof value !== "string")) return null
    options[name] = value
  }
  if (restarts === undefined) return options
  const [[sigma, way] = []] = Object.entries(restarts as Record<string, readonly [number, number, number]>)
  if (sigma === undefined || way === undefined) return null
  const [restartSteps, times, restartMax] = way
  return { ...options, restartMin: Number(sigma), restartSteps, restarts: times, restartMax }
}
