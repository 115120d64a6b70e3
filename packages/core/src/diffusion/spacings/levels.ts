import type { NoiseSchedule } from "../schedule.ts"

/** What a spacing gives: the levels of a run, with the timesteps of those that were chosen by timestep. */
export interface SpacedLevels {
  /** The level at each step, falling. Most spacings give n. */
  readonly sigmas: readonly number[]
  /** The network's timestep at each step. Default: what the schedule has for the level, linear in log sigma. */
  readonly timesteps?: readonly number[]
  /** The level at the end of the run, if the spacing sets it. */
  readonly end?: number
}

/** What a spacing reads. */
export interface SpacingRun {
  readonly schedule: NoiseSchedule
  readonly steps: number
  /** See `SpacingUse`. */
  readonly grid: "points" | "intervals"
  readonly sigmaMin: number
  readonly sigmaMax: number
  readonly rho: number | undefined
  /** Parameters of the beta distribution. */
  readonly alpha: number
  readonly beta: number
}

/** Levels along a curve of a place between 0 and 1. Its ends are exact, without the curve's rounding. */
export function curveBetween(
  { steps, sigmaMin, sigmaMax }: Pick<SpacingRun, "steps" | "sigmaMin" | "sigmaMax">,
  sigmaAt: (place: number) => number,
): SpacedLevels {
  const levels = unitRamp(steps).map((place) => (place === 0 ? sigmaMax : place === 1 ? sigmaMin : sigmaAt(place)))
  return { sigmas: levels }
}

/** n values from 0 to 1, even. One value is 0. */
export function unitRamp(n: number): readonly number[] {
  return Array.from({ length: n }, (_, i) => (n === 1 ? 0 : i / (n - 1)))
}

/** numpy's rounding, which defines the spacings of the reference. */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value)
  const isHalf = value - floor === 0.5
  return isHalf ? floor + (floor % 2) : Math.round(value)
}
