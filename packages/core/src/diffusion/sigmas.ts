import { CoreError } from "../errors.ts"
import type { TimestepSpacing } from "./names.ts"
import { TIMESTEP_SPACINGS } from "./names.ts"
import { type NoiseSchedule, sigmaAt, timestepAt } from "./schedule.ts"

/** The levels of one run. */
export interface NoiseLevels {
  /** The network's timestep at each step, n values. */
  readonly timesteps: readonly number[]
  /** The noise level at each step, then the level at the end of the run: n + 1 values, falling to 0. */
  readonly sigmas: readonly number[]
  /**
   * The timestep of a noise level. A level of the list has its timestep of the list. Other levels are for methods that
   * evaluate between two levels. Their timestep follows from the schedule, linear in log sigma.
   */
  readonly timestepOf: (sigma: number) => number
}

/**
 * The noise levels of a run of `steps` steps.
 *
 * @throws CoreError when the spacing is unknown, or when the schedule has fewer than `steps` different timesteps. Also
 * for Karras levels of a schedule without a largest sigma (zero terminal SNR).
 */
export function noiseLevels(schedule: NoiseSchedule, steps: number, spacing: TimestepSpacing): NoiseLevels {
  if (!Number.isSafeInteger(steps) || steps < 1) {
    throw new CoreError("option-range", `sigmas: steps must be a positive integer, got ${steps}`)
  }
  if (!TIMESTEP_SPACINGS.includes(spacing)) {
    throw new CoreError(
      "option-unknown",
      `sigmas: there is no spacing "${String(spacing)}". There are: ${TIMESTEP_SPACINGS.join(", ")}.`,
    )
  }
  const [timesteps, sigmas] = spacing.startsWith("karras")
    ? karrasLevels(schedule, steps, spacing === "karras-rounded")
    : spacedLevels(schedule, steps, spacing)
  const known = new Map(sigmas.map((sigma, i) => [sigma, timesteps[i] as number]))
  if (known.size !== steps) {
    throw new CoreError(
      "steps",
      `sigmas: ${steps} steps with ${spacing} spacing visit only ${known.size} different levels of a schedule of ` +
        `${schedule.sigmas.length} timesteps. Use fewer steps.`,
    )
  }
  return {
    timesteps,
    sigmas: [...sigmas, 0],
    timestepOf: (sigma) => known.get(sigma) ?? timestepAt(schedule, sigma, "log"),
  }
}

type Levels = readonly [timesteps: readonly number[], sigmas: readonly number[]]

function spacedLevels(schedule: NoiseSchedule, steps: number, spacing: TimestepSpacing): Levels {
  const total = schedule.sigmas.length
  // The order of the sum is numpy's. Near a half, another order rounds to another timestep.
  const timesteps = Array.from({ length: steps }, (_, i) => {
    switch (spacing) {
      case "leading":
        return (steps - 1 - i) * Math.floor(total / steps) + 1
      case "linspace":
        return i === 0 ? total - 1 : (steps - 1 - i) * ((total - 1) / (steps - 1))
      case "linspace-rounded":
        return roundHalfToEven((steps - i) * ((total - 1) / steps))
      default:
        return roundHalfToEven(total + i * (total - total / steps - total)) - 1
    }
  })
  const first = timesteps[0] as number
  if (first > total - 1) {
    throw new CoreError(
      "steps",
      `sigmas: ${steps} steps with ${spacing} spacing start at timestep ${first}, past the last of a schedule of ` +
        `${total}. Use fewer steps.`,
    )
  }
  return [timesteps, timesteps.map((timestep) => sigmaAt(schedule, timestep))]
}

/** Exponent of Karras et al. 2022, table 1. */
const KARRAS_RHO = 7

function karrasLevels(schedule: NoiseSchedule, steps: number, rounded: boolean): Levels {
  if (schedule.alphasCumprod.at(-1) === 0) {
    throw new CoreError(
      "option-conflict",
      'sigmas: Karras levels start at the largest sigma, and a schedule with zero terminal SNR has none. Use "trailing".',
    )
  }
  const smallest = (schedule.sigmas[0] as number) ** (1 / KARRAS_RHO)
  const largest = (schedule.sigmas[schedule.sigmas.length - 1] as number) ** (1 / KARRAS_RHO)
  const sigmas = Array.from({ length: steps }, (_, i) => {
    const position = steps === 1 ? 0 : i / (steps - 1)
    return (largest + position * (smallest - largest)) ** KARRAS_RHO
  })
  const timesteps = sigmas.map((sigma) => {
    const timestep = timestepAt(schedule, sigma, "log")
    return rounded ? roundHalfToEven(timestep) : timestep
  })
  return [timesteps, sigmas]
}

/** numpy's rounding, which defines the spacings of the reference. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value)
  const isHalf = value - floor === 0.5
  return isHalf ? floor + (floor % 2) : Math.round(value)
}
