import type { SamplerName, SamplerOptions, TimestepSpacing } from "../diffusion/names.ts"
import type { SamplerEntry } from "../diffusion/samplers/index.ts"
import { checkSamplerOptions, findSampler } from "../diffusion/samplers/index.ts"
import type { NoiseSchedule } from "../diffusion/schedule.ts"
import { createNoiseSchedule } from "../diffusion/schedule.ts"
import type { NoiseLevels } from "../diffusion/sigmas.ts"
import { noiseLevels } from "../diffusion/sigmas.ts"
import { GENERATE_DEFAULTS } from "./defaults.ts"

/** The sampler and the noise levels of a run. */
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
  /** Default: the sampler's spacing. */
  readonly spacing?: TimestepSpacing
  readonly samplerOptions?: SamplerOptions
  /** Default: SDXL's training schedule. */
  readonly schedule?: NoiseSchedule
}

/**
 * Chooses the sampler and the noise levels of a run.
 *
 * @throws CoreError for an unknown name, for an option that the sampler does not take, or for too many steps
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
