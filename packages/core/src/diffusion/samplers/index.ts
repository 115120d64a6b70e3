import { CoreError } from "../../errors.ts"
import { checkRanges } from "../../number-range.ts"
import type { GradualLatent, GradualSizes } from "../gradual-latent.ts"
import type { OwnSamplerName, SamplerInfo, SamplerOptionName, SamplerOptions } from "../names.ts"
import { SAMPLER_NAMES, SAMPLER_OPTIONS, type SAMPLERS, samplerInfo } from "../names.ts"
import { ddim } from "./ddim.ts"
import { dpm2, dpm2Ancestral } from "./dpm-2.ts"
import { dpmpp2m, dpmpp2mSde } from "./dpmpp-2m.ts"
import { dpmpp2s } from "./dpmpp-2s.ts"
import { euler } from "./euler.ts"
import { eulerAncestral } from "./euler-ancestral.ts"
import { gradualEulerAncestral } from "./gradual-euler-ancestral.ts"
import { heun } from "./heun.ts"
import { lms } from "./lms.ts"
import type { IntervalNoise, Method, MethodRun, Sampler } from "./sampler.ts"
import { walk } from "./sampler.ts"
import { unipc } from "./unipc.ts"

export { gradualStart } from "./gradual-euler-ancestral.ts"
export {
  type AfterStep,
  finish,
  type IntervalNoise,
  type NoiseInterval,
  type Sampler,
  type SamplerStep,
  type SampleSettings,
} from "./sampler.ts"

/** The methods of `SAMPLERS`, which declares their options. */
const METHODS: {
  readonly [Name in OwnSamplerName]: (
    run: MethodRun<keyof (typeof SAMPLERS)[Name]["options"] & SamplerOptionName>,
  ) => Method
} = {
  ddim,
  lms,
  euler,
  euler_a: eulerAncestral,
  heun,
  dpm_2: dpm2,
  dpm_2_a: dpm2Ancestral,
  "dpmsolver++": dpmpp2m,
  dpmsingle: dpmpp2s,
  "sde-dpmsolver++": dpmpp2mSde,
  unipc,
}

/** A sampler with its settings. */
export interface SamplerEntry extends SamplerInfo {
  readonly name: OwnSamplerName
  readonly sample: Sampler
}

/**
 * The sampler called `name`.
 *
 * @throws CoreError that lists the samplers.
 */
export function findSampler(name: string): SamplerEntry {
  const info = samplerInfo(name)
  if (info === null)
    throw new CoreError("option-unknown", `sampler: there is no "${name}". There are: ${SAMPLER_NAMES.join(", ")}.`)
  return {
    ...info,
    sample(denoise, start, sigmas, { options = {}, noise, missed = [], afterStep } = {}) {
      const run = { sigmas, options: allOptions(info, options), noise: noise ?? NO_NOISE, missed }
      if (noise === undefined && addsNoise(info, options)) {
        throw new CoreError(
          "option-missing",
          `sampler: "${name}" adds noise between steps. Pass a source of noise as \`noise\`.`,
        )
      }
      return walk(denoise, start, sigmas, METHODS[info.name](run), afterStep)
    },
  }
}

/**
 * A sampler whose latents grow between its steps. Only `euler_a` has such a form.
 *
 * @param sizes of the steps of one walk
 * @throws CoreError for another sampler
 */
export function withGradualLatent(entry: SamplerEntry, gradual: GradualLatent, sizes: GradualSizes): SamplerEntry {
  if (entry.name !== "euler_a") {
    throw new CoreError(
      "option-conflict",
      `sampler: gradual latent needs "euler_a", got "${entry.name}". Choose this sampler, or leave gradual latent out.`,
    )
  }
  return {
    ...entry,
    sample(denoise, start, sigmas, { options = {}, noise = NO_NOISE, afterStep } = {}) {
      const run = { sigmas, options: allOptions(entry, options), noise, missed: [] }
      return walk(denoise, start, sigmas, gradualEulerAncestral(gradual, sizes, run), afterStep)
    },
  }
}

/** Options without an effect, for options that a sampler does not take. */
const NO_EFFECT: Readonly<Record<SamplerOptionName, number>> = {
  eta: 0,
  sNoise: 1,
  sChurn: 0,
  sTmin: 0,
  sTmax: Number.POSITIVE_INFINITY,
}

const NO_NOISE: IntervalNoise = () => {
  throw new CoreError("noise-plan", "sampler: a method requests noise, but its options add none")
}

/**
 * Checks the options of a sampler.
 *
 * @throws CoreError that names an option which the sampler does not take, or which is out of range
 */
export function checkSamplerOptions(
  { name, options: defaults }: Pick<SamplerEntry, "name" | "options">,
  options: SamplerOptions,
): void {
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined) continue
    if (!Object.hasOwn(defaults, option)) {
      const taken = Object.keys(defaults)
      const what = taken.length === 0 ? "It takes no options." : `It takes: ${taken.join(", ")}.`
      throw new CoreError("option-unknown", `sampler: "${name}" does not take the option "${option}". ${what}`)
    }
  }
  checkRanges("sampler", options, SAMPLER_OPTIONS)
}

/** Whether a sampler needs a source of noise with these options. */
export function addsNoise(entry: Pick<SamplerEntry, "name" | "options">, options: SamplerOptions = {}): boolean {
  const { eta, sChurn } = allOptions(entry, options)
  return eta > 0 || sChurn > 0
}

function allOptions(
  entry: Pick<SamplerEntry, "name" | "options">,
  options: SamplerOptions,
): Readonly<Record<SamplerOptionName, number>> {
  checkSamplerOptions(entry, options)
  return { ...NO_EFFECT, ...entry.options, ...givenOf(options) }
}

/** The options that are not undefined. */
function givenOf(options: SamplerOptions): SamplerOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

/** The factor from unit noise to a start at `sigma`, the first level of a run. */
export function startFactor({ startScale }: Pick<SamplerInfo, "startScale">, sigma: number): number {
  return startScale === "sigma" ? sigma : Math.hypot(sigma, 1)
}
