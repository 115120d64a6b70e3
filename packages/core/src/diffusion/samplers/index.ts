import { CoreError } from "../../errors.ts"
import type { TimestepSpacing } from "../sigmas.ts"
import { sampleDdim } from "./ddim.ts"
import { sampleDpm2, sampleDpm2Ancestral } from "./dpm-2.ts"
import { sampleDpmpp2m, sampleDpmpp2mSde } from "./dpmpp-2m.ts"
import { sampleDpmpp2s } from "./dpmpp-2s.ts"
import { sampleEuler } from "./euler.ts"
import { sampleEulerAncestral } from "./euler-ancestral.ts"
import { sampleHeun } from "./heun.ts"
import { sampleLms } from "./lms.ts"
import type { Sampler } from "./sampler.ts"
import { sampleUniPc } from "./unipc.ts"

export { finish, type Sampler, type SamplerStep, type StepNoise } from "./sampler.ts"

/**
 * How a start is made from unit noise: `sigma` (noise alone), or `unit-variance`, noise in the variance-preserving
 * form, which is sqrt(sigma² + 1) in the form samplers work in.
 */
export type StartScale = "sigma" | "unit-variance"

/** A sampler and the way it is used when chosen by name. */
export interface SamplerEntry {
  readonly sample: Sampler
  readonly spacing: TimestepSpacing
  readonly startScale: StartScale
  /** Whether `sample` needs its argument `noise`. */
  readonly addsNoise: boolean
}

const ofSigma = (sample: Sampler, addsNoise = false): SamplerEntry => ({
  sample,
  spacing: "linspace",
  startScale: "sigma",
  addsNoise,
})

const ofUnitVariance = (sample: Sampler, spacing: TimestepSpacing, addsNoise = false): SamplerEntry => ({
  sample,
  spacing,
  startScale: "unit-variance",
  addsNoise,
})

/** The samplers by the names that sd-scripts gives them, each set as it is there, and two of diffusers'. */
export const SAMPLERS = {
  ddim: ofUnitVariance(sampleDdim, "leading"),
  lms: ofSigma(sampleLms),
  euler: ofSigma(sampleEuler),
  euler_a: ofSigma(sampleEulerAncestral, true),
  heun: ofSigma(sampleHeun),
  dpm_2: ofSigma(sampleDpm2),
  dpm_2_a: ofSigma(sampleDpm2Ancestral, true),
  "dpmsolver++": ofUnitVariance(sampleDpmpp2m, "linspace-rounded"),
  dpmsingle: ofUnitVariance(sampleDpmpp2s, "linspace-rounded"),
  "sde-dpmsolver++": ofUnitVariance(sampleDpmpp2mSde, "karras-rounded", true),
  unipc: ofUnitVariance(sampleUniPc, "linspace-rounded"),
} as const satisfies Record<string, SamplerEntry>

/** Second names, which mean the same. */
const ALIASES = {
  k_lms: "lms",
  k_euler: "euler",
  k_euler_a: "euler_a",
  k_dpm_2: "dpm_2",
  k_dpm_2_a: "dpm_2_a",
} as const satisfies Record<string, keyof typeof SAMPLERS>

export type SamplerName = keyof typeof SAMPLERS | keyof typeof ALIASES

/** All names `findSampler` knows, second names last. */
export const SAMPLER_NAMES = [...Object.keys(SAMPLERS), ...Object.keys(ALIASES)] as readonly SamplerName[]

/**
 * The sampler called `name`.
 *
 * @throws CoreError naming the samplers there are.
 */
export function findSampler(name: string): SamplerEntry {
  const own = Object.hasOwn(ALIASES, name) ? ALIASES[name as keyof typeof ALIASES] : name
  if (!Object.hasOwn(SAMPLERS, own)) {
    throw new CoreError(`sampler: no "${name}". There are: ${SAMPLER_NAMES.join(", ")}.`)
  }
  return SAMPLERS[own as keyof typeof SAMPLERS]
}

/** The factor that makes unit noise a start at `sigma`, the first level of a run. */
export function startFactor(entry: SamplerEntry, sigma: number): number {
  return entry.startScale === "sigma" ? sigma : Math.hypot(sigma, 1)
}
