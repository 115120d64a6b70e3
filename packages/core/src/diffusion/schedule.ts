import { checkArgument, checkChoice, checkGiven, checkOptions, type OptionKinds } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { checkRanges } from "../number-range.ts"

/**
 * The noise level of every training timestep.
 *
 * `sigma` is the noise level of the variance-exploding form, x = x0 + sigma * noise: sqrt((1 - ᾱ) / ᾱ).
 */
export interface NoiseSchedule {
  /** ᾱ of each timestep, falling from nearly 1. */
  readonly alphasCumprod: Float64Array
  /** sigma of each timestep, rising. */
  readonly sigmas: Float64Array
  /**
   * ᾱ before a rescaling to zero terminal SNR. Loss weights follow it, as in sd-scripts: a signal to noise ratio of 0
   * has no weight. Default: `alphasCumprod`.
   */
  readonly plainAlphas?: Float64Array
}

export interface NoiseScheduleOptions {
  /** Number of training timesteps. Default: 1000. */
  readonly timesteps?: number
  /** beta of the first timestep. Default: 0.00085. */
  readonly betaStart?: number
  /** beta of the last timestep. Default: 0.012. */
  readonly betaEnd?: number
  /** Rescale so that the last timestep is noise alone (Lin et al. 2024, arXiv:2305.08891). Default: false. */
  readonly zeroTerminalSnr?: boolean
}

const KINDS: OptionKinds<NoiseScheduleOptions> = {
  timesteps: "a number",
  betaStart: "a number",
  betaEnd: "a number",
  zeroTerminalSnr: "true or false",
}

const RANGES = { timesteps: { integer: true, min: 2, max: 1_000_000 } }

/**
 * Stands for the infinite sigma of a timestep without signal. The error against the limit is 1e-6, and x = x0 + sigma *
 * noise fits float32 easily.
 */
export const LARGEST_SIGMA = 2 ** 20

/**
 * The schedule SDXL was trained with: beta linear in its square root ("scaled_linear").
 *
 * @throws CoreError when there are not 2 to 1,000,000 timesteps, or the betas do not satisfy 0 < start <= end < 1.
 */
export function createNoiseSchedule(options: NoiseScheduleOptions = {}): NoiseSchedule {
  checkOptions("schedule", options, KINDS)
  const { timesteps = 1000, betaStart = 0.00085, betaEnd = 0.012, zeroTerminalSnr = false } = options
  checkRanges("schedule", { timesteps }, RANGES)
  if (!(betaStart > 0 && betaStart <= betaEnd && betaEnd < 1)) {
    throw new CoreError(
      "option-range",
      `schedule: expected 0 < betaStart <= betaEnd < 1, got ${betaStart} and ${betaEnd}`,
    )
  }
  let alphasCumprod: Float64Array = new Float64Array(timesteps)
  const first = Math.sqrt(betaStart)
  const last = Math.sqrt(betaEnd)
  let product = 1
  for (let t = 0; t < timesteps; t++) {
    product *= 1 - (first + ((last - first) * t) / (timesteps - 1)) ** 2
    alphasCumprod[t] = product
  }
  const plainAlphas = alphasCumprod
  if (zeroTerminalSnr) alphasCumprod = rescaleToZeroTerminalSnr(alphasCumprod)
  return { alphasCumprod, sigmas: alphasCumprod.map(sigmaOfAlpha), ...(zeroTerminalSnr ? { plainAlphas } : {}) }
}

/**
 * Shifts and scales sqrt(ᾱ) so that its last value is 0 and its first stays: Lin et al. 2024 (arXiv:2305.08891),
 * algorithm 1.
 */
function rescaleToZeroTerminalSnr(alphasCumprod: Float64Array): Float64Array {
  const first = Math.sqrt(alphasCumprod[0] as number)
  const last = Math.sqrt(alphasCumprod[alphasCumprod.length - 1] as number)
  return alphasCumprod.map((alpha) => ((Math.sqrt(alpha) - last) * (first / (first - last))) ** 2)
}

function sigmaOfAlpha(alpha: number): number {
  return Math.min(Math.sqrt((1 - alpha) / alpha), LARGEST_SIGMA)
}

/**
 * Signal to noise ratio ᾱ / (1 - ᾱ) = 1 / sigma² of an integer timestep.
 *
 * @throws CoreError when the schedule has no such timestep.
 */
export function snrAt(schedule: NoiseSchedule, timestep: number): number {
  const alpha = alphaAt(schedule, timestep)
  return alpha / (1 - alpha)
}

/**
 * ᾱ of an integer timestep.
 *
 * @throws CoreError when the schedule has no such timestep.
 */
export function alphaAt(schedule: NoiseSchedule, timestep: number): number {
  checkGiven("schedule: the schedule", schedule, "alphasCumprod", "createNoiseSchedule")
  const alpha = schedule.alphasCumprod[timestep]
  if (alpha === undefined) {
    throw new CoreError(
      "timestep",
      `schedule: timestep must be an integer from 0 to ${schedule.alphasCumprod.length - 1}, got ${timestep}`,
    )
  }
  return alpha
}

/**
 * sigma of a timestep. Between two integers it is linear in sigma.
 *
 * @throws CoreError outside 0 .. last timestep.
 */
export function sigmaAt(schedule: NoiseSchedule, timestep: number): number {
  checkGiven("schedule: the schedule", schedule, "sigmas", "createNoiseSchedule")
  checkArgument("schedule: timestep", timestep, "a number")
  const { sigmas } = schedule
  if (!(timestep >= 0 && timestep <= sigmas.length - 1)) {
    throw new CoreError("timestep", `schedule: timestep must be from 0 to ${sigmas.length - 1}, got ${timestep}`)
  }
  const below = Math.floor(timestep)
  const low = sigmas[below] as number
  const high = sigmas[Math.min(below + 1, sigmas.length - 1)] as number
  return low + (high - low) * (timestep - below)
}

/**
 * How a fractional timestep follows from its sigma. `linear` inverts `sigmaAt`. `log` is linear in log sigma, as in
 * k-diffusion for levels that were not chosen by timestep (Karras et al. 2022).
 */
export type SigmaInterpolation = "linear" | "log"

/**
 * The timestep whose noise level is `sigma`, fractional. Levels beyond the ends give the first or the last timestep.
 *
 * @throws CoreError when sigma is negative or not a number.
 */
export function timestepAt(
  schedule: NoiseSchedule,
  sigma: number,
  interpolation: SigmaInterpolation = "linear",
): number {
  checkGiven("schedule: the schedule", schedule, "sigmas", "createNoiseSchedule")
  checkArgument("schedule: sigma", sigma, "a number")
  checkChoice("schedule", "interpolation", interpolation, ["linear", "log"])
  if (!(sigma >= 0)) throw new CoreError("sigmas", `schedule: sigma must be 0 or more, got ${sigma}`)
  const { sigmas } = schedule
  const last = sigmas.length - 1
  if (sigma <= (sigmas[0] as number)) return 0
  if (sigma >= (sigmas[last] as number)) return last
  let below = 0
  let above = last
  while (above - below > 1) {
    const middle = (below + above) >> 1
    if ((sigmas[middle] as number) <= sigma) below = middle
    else above = middle
  }
  const scale = interpolation === "log" ? Math.log : (value: number): number => value
  const low = scale(sigmas[below] as number)
  const high = scale(sigmas[above] as number)
  return below + (scale(sigma) - low) / (high - low)
}
