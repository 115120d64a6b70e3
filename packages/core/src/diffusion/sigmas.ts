import { checkArgument, checkChoice, checkGiven, checkOptions, type OptionKinds } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { unknownName } from "../nearest.ts"
import { checkRanges } from "../number-range.ts"
import { LARGEST_SIGMA, type NoiseSchedule, timestepAt } from "./schedule.ts"
import * as bySigma from "./spacings/by-sigma.ts"
import * as byTimestep from "./spacings/by-timestep.ts"
import { roundHalfToEven, type SpacedLevels, type SpacingRun } from "./spacings/levels.ts"
import type { SpacingName, SpacingOptions, SpacingUse, TimestepSpacing } from "./spacings/names.ts"
import { SPACING_NAMES, SPACING_RANGES, spacingOf } from "./spacings/names.ts"

/** The levels of one run. */
export interface NoiseLevels {
  /** The network's timestep at each step, n values. */
  readonly timesteps: readonly number[]
  /** The noise level at each step, then the level at the end of the run: n + 1 values, falling. */
  readonly sigmas: readonly number[]
  /**
   * The timestep of a noise level. A level of the list has its timestep of the list. Other levels are for methods that
   * evaluate between two levels. Their timestep follows from the schedule, linear in log sigma.
   *
   * @param between whether the level lies between two steps. Where timesteps are whole, it then keeps its fraction.
   */
  readonly timestepOf: (sigma: number, between?: boolean) => number
}

const SPACINGS: Readonly<Record<TimestepSpacing, (run: SpacingRun) => SpacedLevels>> = {
  leading: byTimestep.leading,
  leading_0: byTimestep.leadingFromZero,
  linspace: byTimestep.linspace,
  trailing: byTimestep.trailing,
  lcm: byTimestep.lcm,
  uniform: byTimestep.uniform,
  sgm_uniform: byTimestep.sgmUniform,
  simple: byTimestep.simple,
  ddim_uniform: byTimestep.ddimUniform,
  sd_turbo: byTimestep.sdTurbo,
  karras: bySigma.karras,
  exponential: bySigma.exponential,
  polyexponential: bySigma.polyexponential,
  lu: bySigma.exponential,
  beta: bySigma.beta,
  beta_timesteps: byTimestep.betaTimesteps,
  kl_optimal: bySigma.klOptimal,
  kl_optimal_0: bySigma.klOptimalToZero,
  align_your_steps: bySigma.alignYourSteps,
  align_your_steps_0: bySigma.alignYourStepsToZero,
  vp: bySigma.vp,
}

/** Spacings between the largest and the smallest sigma. */
const RANGED: readonly TimestepSpacing[] = [
  ...(["karras", "exponential", "polyexponential", "lu", "beta", "kl_optimal", "kl_optimal_0"] as const),
]

const KINDS: OptionKinds<SpacingOptions> = {
  sigmaMin: "a number",
  sigmaMax: "a number",
  rho: "a number",
  alpha: "a number",
  beta: "a number",
  discardPenultimate: "true or false",
  startScale: "text",
}

/** The most steps of a schedule. A run from a picture may take a small part of a long one. */
export const MOST_STEPS = 10_000

const LIST_KINDS = { timesteps: "a list", sigmas: "a list", end: "a number" } as const

/**
 * The noise levels of a run of `steps` steps.
 *
 * @param use how the sampler uses a spacing; a `SamplerEntry` has it.
 * @throws CoreError when the spacing or an option is unknown or out of range, or when the schedule has fewer than
 * `steps` different timesteps. Also for a curve of sigma on a schedule without a largest sigma (zero terminal SNR),
 * unless `sigmaMax` or the sampler's `largestSigma` is given.
 */
export function noiseLevels(
  given: NoiseSchedule,
  steps: number,
  spacing: SpacingName,
  use: SpacingUse = {},
  options: SpacingOptions = {},
): NoiseLevels {
  checkGiven("sigmas: the schedule", given, "sigmas", "createNoiseSchedule")
  checkArgument("sigmas: the sampler", use, "an object")
  const { grid = "points", wholeKarras, largestSigma, end = "zero" } = use
  checkChoice("sigmas", "grid", grid, ["points", "intervals"])
  checkChoice("sigmas", "end", end, ["zero", "smallest"])
  checkRanges("sigmas", { steps }, { steps: { integer: true, min: 1, max: MOST_STEPS } })
  if (steps === undefined) checkArgument("sigmas: steps", steps, "a number")
  const name = spacingOf(spacing)
  if (name === null) throw unknownName("sigmas", "spacing", String(spacing), SPACING_NAMES)
  checkOptions("sigmas", options, KINDS)
  const { sigmaMin, sigmaMax, rho, discardPenultimate = false } = options
  const { alpha = bySigma.BETA_SHAPE, beta = bySigma.BETA_SHAPE } = options
  checkRanges("sigmas", { sigmaMin, sigmaMax, rho, alpha, beta }, SPACING_RANGES)
  const schedule = largestSigma === undefined ? given : cappedAt(given, largestSigma)
  const [smallest, largest] = [sigmaMin ?? schedule.sigmas[0], sigmaMax ?? schedule.sigmas.at(-1)] as [number, number]
  if (smallest >= largest) {
    throw new CoreError("option-range", `sigmas: sigmaMin is ${smallest}, expected less than sigmaMax, ${largest}`)
  }
  if (RANGED.includes(name) && sigmaMax === undefined && isEndless(schedule)) {
    throw new CoreError(
      "option-conflict",
      `sigmas: ${name} levels start at the largest sigma, and a schedule with zero terminal SNR has none. Use "trailing".`,
    )
  }
  const spaced = SPACINGS[name]({
    ...{ schedule, grid, rho, alpha, beta, sigmaMin: smallest, sigmaMax: largest },
    steps: discardPenultimate ? steps + 1 : steps,
  })
  const count = discardPenultimate && spaced.sigmas.length > 1 ? spaced.sigmas.length - 1 : spaced.sigmas.length
  const sigmas = spaced.sigmas.slice(0, count)
  const rounded =
    grid === "intervals" ? wholeTimestep(name) : wholeKarras === true && name === "karras" ? nearest : null
  const timesteps =
    spaced.timesteps?.slice(0, count) ??
    sigmas.map((sigma) => {
      const timestep = timestepAt(schedule, sigma, "log")
      return rounded === null ? timestep : rounded(timestep)
    })
  const last = spaced.end ?? (end === "smallest" ? (schedule.sigmas[0] as number) : 0)
  return levelsFrom(schedule, { timesteps, sigmas, end: last, spacing: name, whole: rounded !== null })
}

function isEndless({ sigmas }: NoiseSchedule): boolean {
  return sigmas.at(-1) === LARGEST_SIGMA
}

/** The schedule with another number for an infinite sigma. */
function cappedAt(schedule: NoiseSchedule, largest: number): NoiseSchedule {
  return isEndless(schedule)
    ? { ...schedule, sigmas: schedule.sigmas.map((sigma) => Math.min(sigma, largest)) }
    : schedule
}

/**
 * Noise levels of a list, for example from a paper: of timesteps, of sigmas, or of both.
 *
 * @throws CoreError when a list is empty, when two have different lengths, or when a timestep is not of the schedule
 */
export function listedLevels(
  schedule: NoiseSchedule,
  lists: { readonly timesteps?: readonly number[]; readonly sigmas?: readonly number[]; readonly end?: number },
): NoiseLevels {
  checkGiven("sigmas: the schedule", schedule, "sigmas", "createNoiseSchedule")
  checkOptions<typeof lists>("sigmas", lists, LIST_KINDS)
  const { timesteps, sigmas, end = 0 } = lists
  checkRanges("sigmas", { end }, { end: { min: 0 } })
  const levels = sigmas ?? timesteps?.map((timestep) => schedule.sigmas[timestep] ?? Number.NaN) ?? []
  const steps = timesteps ?? levels.map((sigma) => timestepAt(schedule, sigma, "log"))
  if (levels.length === 0 || levels.length !== steps.length || levels.some(Number.isNaN)) {
    throw new CoreError("sigmas", `sigmas: expected a list of timesteps or of sigmas, got [${steps.join(", ")}]`)
  }
  return levelsFrom(schedule, { timesteps: steps, sigmas: levels, end, spacing: "listed", whole: false })
}

function levelsFrom(
  schedule: NoiseSchedule,
  {
    timesteps,
    sigmas,
    end,
    spacing,
    whole,
  }: {
    readonly timesteps: readonly number[]
    readonly sigmas: readonly number[]
    readonly end: number
    readonly spacing: string
    readonly whole: boolean
  },
): NoiseLevels {
  const known = new Map(sigmas.map((sigma, i) => [sigma, timesteps[i] as number]))
  if (known.size !== sigmas.length) {
    throw new CoreError(
      "steps",
      `sigmas: ${sigmas.length} steps with ${spacing} spacing visit only ${known.size} different levels of a schedule of ` +
        `${schedule.sigmas.length} timesteps. Use fewer steps.`,
    )
  }
  return {
    timesteps,
    sigmas: [...sigmas, end],
    timestepOf: (sigma, between = false) =>
      (whole && between ? undefined : known.get(sigma)) ?? timestepAt(schedule, sigma, "log"),
  }
}

const nearest = roundHalfToEven

/**
 * diffusers makes the timesteps of `karras` and `lu` whole by rounding. It cuts off those of the other curves, in float32,
 * where the largest level is a little below the last timestep.
 */
function wholeTimestep(spacing: TimestepSpacing): (timestep: number) => number {
  return spacing === "karras" || spacing === "lu"
    ? nearest
    : (timestep) => Math.max(0, Math.floor(timestep - FLOAT32_SHARE))
}

/** More than float32's error of a timestep that is a whole number, and less than any other distance. */
const FLOAT32_SHARE = 1e-5
