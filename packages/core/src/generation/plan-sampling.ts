import type { SamplerName, SamplerOptions, TimestepSpacing } from "../diffusion/names.ts"
import type { SamplerEntry } from "../diffusion/samplers/index.ts"
import { checkSamplerOptions, findSampler } from "../diffusion/samplers/index.ts"
import type { NoiseSchedule } from "../diffusion/schedule.ts"
import { createNoiseSchedule } from "../diffusion/schedule.ts"
import type { NoiseLevels } from "../diffusion/sigmas.ts"
import { noiseLevels } from "../diffusion/sigmas.ts"
import { GENERATE_DEFAULTS } from "./defaults.ts"

/** How a run goes from noise to pictures. */
export interface SamplingPlan {
  readonly schedule: NoiseSchedule
  readonly sampler: SamplerEntry
  readonly samplerOptions: SamplerOptions
  readonly levels: NoiseLevels
}

export interface SamplingChoice {
  /** Default: 20. */
  readonly steps?: number
  /** Default: `euler`. */
  readonly sampler?: SamplerName
  /** Default: the sampler's own. */
  readonly spacing?: TimestepSpacing
  readonly samplerOptions?: SamplerOptions
  /** Default: the schedule that SDXL was trained with. */
  readonly schedule?: NoiseSchedule
}

/**
 * Chooses a sampler and the levels of a run.
 *
 * @throws CoreError for a name that does not exist, for an option that the sampler does not take, or for more steps than
 * the schedule has levels
 */
export function planSampling({
  steps = GENERATE_DEFAULTS.steps,
  sampler: name = GENERATE_DEFAULTS.sampler,
  spacing,
  samplerOptions = {},
  schedule = createNoiseSchedule(),
}: SamplingChoice): SamplingPlan {
  const sampler = findSampler(name)
  checkSamplerOptions(sampler, samplerOptions)
  return { schedule, sampler, samplerOptions, levels: noiseLevels(schedule, steps, spacing ?? sampler.spacing) }
}
