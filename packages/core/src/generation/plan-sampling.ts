import { checkArgument, checkGiven } from "../argument.ts"
import type { SamplerName, SamplerOptions, SpacingName, SpacingOptions, TimestepSpacing } from "../diffusion/names.ts"
import { spacingOf } from "../diffusion/names.ts"
import type { SamplerEntry, TimestepMap } from "../diffusion/samplers/index.ts"
import { checkSamplerOptions, findSampler } from "../diffusion/samplers/index.ts"
import type { NoiseSchedule } from "../diffusion/schedule.ts"
import { createNoiseSchedule, sigmaAt } from "../diffusion/schedule.ts"
import type { NoiseLevels } from "../diffusion/sigmas.ts"
import { noiseLevels } from "../diffusion/sigmas.ts"
import { GENERATE_DEFAULTS } from "./defaults.ts"

/** The sampler and the noise levels of a run. */
export interface SamplingPlan {
  readonly schedule: NoiseSchedule
  readonly sampler: SamplerEntry
  readonly samplerOptions: SamplerOptions
  readonly spacing: TimestepSpacing
  readonly spacingOptions: SpacingOptions
  readonly levels: NoiseLevels
  readonly timesteps: TimestepMap
}

export interface SamplingChoice {
  /** Default: 20. */
  readonly steps?: number
  /** Default: `euler`. */
  readonly sampler?: SamplerName
  /** Default: the sampler's spacing. */
  readonly spacing?: SpacingName
  readonly spacingOptions?: SpacingOptions
  readonly samplerOptions?: SamplerOptions
  /** Default: SDXL's training schedule. */
  readonly schedule?: NoiseSchedule
}

/**
 * Chooses the sampler and the noise levels of a run.
 *
 * @throws CoreError for an unknown name, for an option that the sampler does not take, or for too many steps
 */
export function planSampling(choice: SamplingChoice): SamplingPlan {
  checkArgument("sampling: the choice", choice, "an object")
  const { steps = GENERATE_DEFAULTS.steps, sampler: name = GENERATE_DEFAULTS.sampler, spacing } = choice
  const { spacingOptions = {}, samplerOptions = {}, schedule = createNoiseSchedule() } = choice
  const sampler = findSampler(name)
  checkSamplerOptions(sampler, samplerOptions)
  const levels = noiseLevels(schedule, steps, spacing ?? sampler.spacing, sampler, spacingOptions)
  return {
    ...{ schedule, sampler, samplerOptions, spacingOptions, levels },
    spacing: spacingOf(spacing ?? sampler.spacing) ?? sampler.spacing,
    timesteps: { timestepOf: levels.timestepOf, sigmaOf: (timestep) => sigmaAt(schedule, timestep) },
  }
}

/** @throws CoreError for a value that is not a plan */
export function checkPlan(place: string, plan: unknown): void {
  checkGiven(`${place}: the plan`, plan, "levels", "planSampling")
  const { sampler, levels } = plan as SamplingPlan
  checkGiven(`${place}: the sampler of the plan`, sampler, "sample", "planSampling")
  checkGiven(`${place}: the levels of the plan`, levels, "sigmas", "planSampling")
}
