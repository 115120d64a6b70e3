import type { NamedSampling, SamplerOptions } from "@lllite/core/names"
import { SAMPLERS, WEBUI_SAMPLER_NAMES, WEBUI_SCHEDULE_NAMES, webuiSampling } from "@lllite/core/names"
import { LlliteError } from "@lllite/format"
import type { Txt2ImgFields } from "./fields.ts"
import { A1111Error } from "./refusal.ts"

/** The schedule type that follows the sampler. */
export const AUTOMATIC = "Automatic"

/**
 * A sampler with its schedule type, as A1111 takes both: `Euler a` and `karras`, or `DPM++ 2M Karras`.
 *
 * @throws A1111Error with the nearest name
 */
export function samplingOf(sampler: string, scheduler: string | null): NamedSampling {
  // Schedule types have a name, such as sgm_uniform, and a label, such as SGM Uniform.
  const label = scheduler?.replaceAll("_", " ") ?? AUTOMATIC
  const isAutomatic = label.toLowerCase() === AUTOMATIC.toLowerCase()
  try {
    return webuiSampling(sampler, isAutomatic && hasSchedule(sampler) ? undefined : label)
  } catch (error) {
    if (!(error instanceof LlliteError)) throw error
    throw new A1111Error(422, `Sampler not found: ${error.message}`)
  }
}

/** Whether the name of a sampler ends in a schedule type. */
function hasSchedule(sampler: string): boolean {
  const lower = sampler.trim().toLowerCase()
  if (WEBUI_SAMPLER_NAMES.some((name) => name.toLowerCase() === lower)) return false
  return WEBUI_SCHEDULE_NAMES.some((name) => lower.endsWith(` ${name.toLowerCase()}`))
}

/** The options of a sampler that a request sets, where the sampler has them and their defaults are others. */
export function samplerOptions(
  { sampler, samplerOptions: named }: NamedSampling,
  fields: Pick<Txt2ImgFields, "eta" | "s_churn" | "s_tmin" | "s_tmax" | "s_noise">,
): SamplerOptions {
  const { eta, s_churn: sChurn, s_tmin: sTmin, s_tmax: sTmax, s_noise: sNoise } = fields
  const known: Readonly<Record<string, unknown>> = SAMPLERS[sampler].options
  // A1111 reads an upper limit of 0 as none.
  const given = Object.entries({ eta, sChurn, sTmin, sTmax: sTmax === 0 ? null : sTmax, sNoise })
  return {
    ...named,
    ...Object.fromEntries(
      given.filter(([name, value]) => value !== null && Object.hasOwn(known, name) && value !== known[name]),
    ),
  }
}

/** A schedule of so many steps, of which the last ones run. */
export interface PartialRun {
  readonly steps: number
  /** The part of the steps that runs, for a recipe. */
  readonly strength: number
}

/** A1111 begins at most at this strength. */
const MOST_STRENGTH = 0.999

/** The steps of image to image: A1111 runs one more than `steps · strength`. Source: `setup_img2img_steps`. */
export function imageToImageRun(steps: number, strength: number): PartialRun {
  return { steps, strength: partOf(Math.trunc(Math.min(strength, MOST_STRENGTH) * steps) + 1, steps) }
}

/** The steps of hires fix: as many as are asked for, at the end of a longer schedule. Source: `setup_img2img_steps`. */
export function hiresRun(steps: number, strength: number): PartialRun {
  const all = Math.max(steps, strength > 0 ? Math.trunc(steps / Math.min(strength, MOST_STRENGTH)) : steps)
  return { steps: all, strength: partOf(steps, all) }
}

/** The part of the steps whose product with them is not below the number that runs, in floating point. */
function partOf(running: number, steps: number): number {
  const part = running / steps
  return Math.floor(steps * part) < running ? part * (1 + Number.EPSILON) : part
}
