import { checkArgument, checkChoice, checkGiven, checkOptions, type OptionKinds } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import { unknownName } from "../../nearest.ts"
import { checkRanges } from "../../number-range.ts"
import type { GradualLatent, GradualSizes } from "../gradual-latent.ts"
import type {
  OwnSamplerName,
  SamplerInfo,
  SamplerOptionInfo,
  SamplerOptionName,
  SamplerOptions,
  StartScale,
  TimestepSpacing,
} from "../names.ts"
import { SAMPLER_NAMES, SAMPLER_OPTIONS, type SAMPLERS, samplerInfo } from "../names.ts"
import { createNoiseSchedule, sigmaAt, timestepAt } from "../schedule.ts"
import { ddim } from "./ddim.ts"
import { ddpm } from "./ddpm.ts"
import { deis } from "./deis.ts"
import { dpm2, dpm2Ancestral } from "./dpm-2.ts"
import { dpmAdaptive } from "./dpm-adaptive.ts"
import { dpmFast } from "./dpm-fast.ts"
import { dpmpp2sAncestral } from "./dpmpp-2s-ancestral.ts"
import { dpmpp2m, dpmpp2mSde, dpmpp3mSde, dpmppMultistep, sdeDpmppMultistep } from "./dpmpp-multistep.ts"
import { dpmppSde } from "./dpmpp-sde.ts"
import { dpmppSinglestep } from "./dpmpp-singlestep.ts"
import { dpmsolver } from "./dpmsolver.ts"
import { euler } from "./euler.ts"
import { eulerAncestral } from "./euler-ancestral.ts"
import { gradualEulerAncestral } from "./gradual-euler-ancestral.ts"
import { heun } from "./heun.ts"
import { lcm } from "./lcm.ts"
import { lms } from "./lms.ts"
import { plms, pndm } from "./pndm.ts"
import { restart } from "./restart.ts"
import type { IntervalNoise, Method, MethodRun, Sampler, SampleSettings, TimestepMap } from "./sampler.ts"
import { walk } from "./sampler.ts"
import { tcd } from "./tcd.ts"
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
  type TimestepMap,
} from "./sampler.ts"

/** The methods of `SAMPLERS`, which declares their options. */
const METHODS: {
  readonly [Name in OwnSamplerName]: (
    run: MethodRun<keyof (typeof SAMPLERS)[Name]["options"] & SamplerOptionName>,
  ) => Method
} = {
  ddim,
  pndm,
  lms,
  euler,
  euler_a: eulerAncestral,
  heun,
  dpm_2: dpm2,
  dpm_2_a: dpm2Ancestral,
  dpmsolver,
  "dpmsolver++": dpmppMultistep,
  dpmsingle: dpmppSinglestep,
  "sde-dpmsolver++": sdeDpmppMultistep,
  unipc,
  deis,
  plms,
  ddpm,
  lcm,
  tcd,
  dpmpp_2m: dpmpp2m,
  dpmpp_2m_sde: dpmpp2mSde,
  dpmpp_3m_sde: dpmpp3mSde,
  dpmpp_sde: dpmppSde,
  dpmpp_2s_ancestral: dpmpp2sAncestral,
  dpm_fast: dpmFast,
  dpm_adaptive: dpmAdaptive,
  restart,
}

/** A sampler with its settings. */
export interface SamplerEntry extends SamplerInfo {
  readonly name: OwnSamplerName
  readonly sample: Sampler
}

const SAMPLE_KINDS: OptionKinds<SampleSettings> = {
  options: "an object",
  noise: "a function",
  missed: "a list",
  afterStep: "a function",
  timesteps: "an object",
}

/**
 * The sampler called `name`.
 *
 * @throws CoreError with the nearest name and the samplers.
 */
export function findSampler(name: string): SamplerEntry {
  const info = samplerInfo(name)
  if (info === null) throw unknownName("sampler", "sampler", String(name), SAMPLER_NAMES)
  return {
    ...info,
    sample(denoise, start, sigmas, settings = {}) {
      checkOptions("sampler", settings, SAMPLE_KINDS)
      const { options = {}, noise, missed = [], afterStep, timesteps = sdxlTimesteps() } = settings
      const run = { sigmas, options: allOptions(info, options), noise: noise ?? NO_NOISE, missed, timesteps }
      if (noise === undefined && addsNoise(info, options)) {
        throw new CoreError(
          "option-missing",
          `sampler: "${name}" adds noise between steps. Pass a source of noise as \`noise\`.`,
        )
      }
      return walk(denoise, start, sigmas, () => METHODS[info.name](run), afterStep)
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
    sample(denoise, start, sigmas, { options = {}, noise = NO_NOISE, afterStep, timesteps = sdxlTimesteps() } = {}) {
      const run = { sigmas, options: allOptions(entry, options), noise, missed: [], timesteps }
      return walk(denoise, start, sigmas, () => gradualEulerAncestral(gradual, sizes, run), afterStep)
    },
  }
}

/** The timesteps of SDXL's schedule. */
function sdxlTimesteps(): TimestepMap {
  const schedule = createNoiseSchedule()
  return {
    timestepOf: (sigma) => timestepAt(schedule, sigma, "log"),
    sigmaOf: (timestep) => sigmaAt(schedule, timestep),
  }
}

/** Options without an effect, for options that a sampler does not take. */
const NO_EFFECT: Required<SamplerOptions> = {
  eta: 0,
  sNoise: 1,
  sChurn: 0,
  sTmin: 0,
  sTmax: Number.POSITIVE_INFINITY,
  order: 2,
  solver: "midpoint",
  correction: "bh2",
  variance: "small",
  rtol: 0.05,
  atol: 0.0078,
  restarts: 0,
  restartSteps: 3,
  restartMin: 0.1,
  restartMax: 2,
}

const NO_NOISE: IntervalNoise = () => {
  throw new CoreError("noise-plan", "sampler: a method requests noise, but its options add none")
}

/**
 * Checks the options of a sampler.
 *
 * @throws CoreError that names an option which the sampler does not take, or which is out of range
 */
export function checkSamplerOptions(entry: Pick<SamplerEntry, "name" | "options">, options: SamplerOptions): void {
  checkGiven("sampler: the sampler", entry, "options", "findSampler")
  checkArgument("sampler: the options", options, "an object")
  const { name, options: defaults } = entry
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined) continue
    if (!Object.hasOwn(defaults, option)) {
      const taken = Object.keys(defaults)
      const what = taken.length === 0 ? "It takes no options." : `It takes: ${taken.join(", ")}.`
      throw new CoreError("option-unknown", `sampler: "${name}" does not take the option "${option}". ${what}`)
    }
    const info: SamplerOptionInfo = SAMPLER_OPTIONS[option as SamplerOptionName]
    if (!("choices" in info)) checkRanges("sampler", { [option]: value }, { [option]: info })
    else if (!info.choices.includes(String(value))) {
      throw new CoreError(
        "option-unknown",
        `sampler: ${option} is ${JSON.stringify(value)}, expected one of ${info.choices.join(", ")}`,
      )
    }
  }
}

/** Whether a sampler needs a source of noise with these options. */
export function addsNoise(
  entry: Pick<SamplerEntry, "name" | "options" | "alwaysNoisy">,
  options: SamplerOptions = {},
): boolean {
  const { eta, sChurn } = allOptions(entry, options)
  return entry.alwaysNoisy === true || eta > 0 || sChurn > 0
}

function allOptions(entry: Pick<SamplerEntry, "name" | "options">, options: SamplerOptions): Required<SamplerOptions> {
  checkSamplerOptions(entry, options)
  return { ...NO_EFFECT, ...entry.options, ...givenOf(options) }
}

/** The options that are not undefined. */
function givenOf(options: SamplerOptions): SamplerOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

/** Spacings of diffusers that begin below the largest sigma, where noise alone would be too little. */
const BEGINS_LOWER: readonly string[] = ["leading", "leading_0"] satisfies readonly TimestepSpacing[]

/**
 * The factor from unit noise to a start at `sigma`, the first level of a run.
 *
 * @param given See `SpacingOptions.startScale`. Default: the sampler's, or the spacing's where it begins below the largest sigma.
 */
export function startFactor(
  sampler: Pick<SamplerInfo, "startScale">,
  sigma: number,
  spacing?: TimestepSpacing,
  given?: StartScale,
): number {
  checkGiven("sampler: the sampler", sampler, "startScale", "findSampler")
  checkArgument("sampler: sigma", sigma, "a number")
  checkChoice("sampler", "start scale", given, ["sigma", "unit-variance"])
  const isLower = spacing !== undefined && BEGINS_LOWER.includes(spacing)
  const scale = given ?? (isLower ? "unit-variance" : sampler.startScale)
  return scale === "sigma" ? sigma : Math.hypot(sigma, 1)
}
