import { CoreError } from "../../errors.ts"
import { type NoiseSchedule, sigmaAt } from "../schedule.ts"
import { betaQuantile } from "./beta-quantile.ts"
import { roundHalfToEven, type SpacedLevels, type SpacingRun, unitRamp } from "./levels.ts"

/* Spacings that are even in timesteps. */

/** diffusers' `timestep_spacing`. Levels between two timesteps are linear in sigma. */
export const leading = (run: SpacingRun): SpacedLevels => ofTimesteps(run, leadingTimesteps(run, 1))

/** The first timestep of `leading_0` is 0. */
export const leadingFromZero = (run: SpacingRun): SpacedLevels => ofTimesteps(run, leadingTimesteps(run, 0))

function leadingTimesteps({ schedule, steps, grid }: SpacingRun, offset: number): readonly number[] {
  const total = schedule.sigmas.length
  if (grid === "points") return down(steps, (left) => left * Math.floor(total / steps) + offset)
  return down(steps, (left) => (left + 1) * Math.floor(total / (steps + 1)) + offset)
}

export const linspace = (run: SpacingRun): SpacedLevels => {
  const { steps, grid } = run
  const last = run.schedule.sigmas.length - 1
  // The order of the product is numpy's. Near a half, another order rounds to another timestep.
  return ofTimesteps(
    run,
    grid === "points"
      ? down(steps, (left) => (left === steps - 1 ? last : left * (last / (steps - 1))))
      : down(steps, (left) => roundHalfToEven((left + 1) * (last / steps))),
  )
}

export const trailing = (run: SpacingRun): SpacedLevels => {
  const total = run.schedule.sigmas.length
  return ofTimesteps(
    run,
    Array.from({ length: run.steps }, (_, i) => roundHalfToEven(total + i * (total - total / run.steps - total)) - 1),
  )
}

/** Timesteps on which latent consistency models are distilled: diffusers' `original_inference_steps`. */
const LCM_TIMESTEPS = 50

export const lcm = (run: SpacingRun): SpacedLevels =>
  ofDistilled(run, { name: "lcm", count: LCM_TIMESTEPS, left: (i) => Math.floor((i * LCM_TIMESTEPS) / run.steps) })

/** Some of the timesteps of a distillation. left: how many come before that of step `i`. */
function ofDistilled(
  run: SpacingRun,
  { name, count, left }: { readonly name: string; readonly count: number; readonly left: (i: number) => number },
): SpacedLevels {
  const { schedule, steps } = run
  if (steps > count) {
    throw new CoreError(
      "steps",
      `sigmas: ${steps} steps with ${name} spacing, expected at most ${count}, the timesteps of the distillation.`,
    )
  }
  const width = Math.floor(schedule.sigmas.length / count)
  return ofTimesteps(
    run,
    Array.from({ length: steps }, (_, i) => (count - left(i)) * width - 1),
  )
}

/** k-diffusion's `get_sigmas` and ComfyUI's `normal`. Levels between two timesteps are linear in log sigma. */
export const uniform = (run: SpacingRun): SpacedLevels =>
  ofLogLevels(run, evenTimesteps(run.schedule.sigmas.length - 1, run.steps))

/** The `sgm_uniform` of ComfyUI and of stable-diffusion-webui. */
export const sgmUniform = (run: SpacingRun): SpacedLevels =>
  ofLogLevels(run, evenTimesteps(run.schedule.sigmas.length - 1, run.steps + 1).slice(0, -1))

/** The `simple` of ComfyUI and of stable-diffusion-webui. */
export const simple = (run: SpacingRun): SpacedLevels => {
  const total = run.schedule.sigmas.length
  return ofTimesteps(
    run,
    Array.from({ length: run.steps }, (_, i) => total - 1 - Math.floor(i * (total / run.steps))),
  )
}

/** ComfyUI's `ddim_uniform`. Where n does not divide the timesteps, there are more levels than n. */
export const ddimUniform = (run: SpacingRun): SpacedLevels => {
  const total = run.schedule.sigmas.length
  const width = Math.max(Math.floor(total / run.steps), 1)
  return ofTimesteps(
    run,
    down(Math.ceil((total - 1) / width), (left) => 1 + left * width),
  )
}

/** The timesteps that turbo models are distilled on. */
const TURBO_TIMESTEPS = 10

/** ComfyUI's `SDTurboScheduler`. */
export const sdTurbo = (run: SpacingRun): SpacedLevels =>
  ofDistilled(run, { name: "sd_turbo", count: TURBO_TIMESTEPS, left: (i) => i })

/** ComfyUI's `beta`: whole timesteps, each once. */
export const betaTimesteps = (run: SpacingRun): SpacedLevels => {
  const { schedule, steps, alpha, beta } = run
  const last = schedule.sigmas.length - 1
  const timesteps = Array.from({ length: steps }, (_, i) =>
    roundHalfToEven(last * betaQuantile(1 - i / steps, alpha, beta)),
  )
  return ofTimesteps(run, [...new Set(timesteps)])
}

/** `count` values of `value`, called with count - 1 first and 0 last. */
function down(count: number, value: (left: number) => number): readonly number[] {
  return Array.from({ length: count }, (_, i) => value(count - 1 - i))
}

function evenTimesteps(last: number, count: number): readonly number[] {
  return unitRamp(count).map((position) => last - position * last)
}

function ofTimesteps({ schedule, steps }: SpacingRun, timesteps: readonly number[]): SpacedLevels {
  const last = schedule.sigmas.length - 1
  const first = timesteps[0] as number
  if (first > last) {
    throw new CoreError(
      "steps",
      `sigmas: ${steps} steps start at timestep ${first}, past the last of a schedule of ${last + 1}. Use fewer steps.`,
    )
  }
  return { timesteps, sigmas: timesteps.map((timestep) => sigmaAt(schedule, timestep)) }
}

function ofLogLevels({ schedule }: SpacingRun, timesteps: readonly number[]): SpacedLevels {
  return { timesteps, sigmas: timesteps.map((timestep) => logSigmaAt(schedule, timestep)) }
}

/** sigma of a fractional timestep, linear in log sigma. */
function logSigmaAt({ sigmas }: NoiseSchedule, timestep: number): number {
  const below = Math.min(Math.floor(timestep), sigmas.length - 1)
  const low = sigmas[below] as number
  const high = sigmas[Math.min(below + 1, sigmas.length - 1)] as number
  return timestep === below ? low : low * (high / low) ** (timestep - below)
}
