/**
 * Noise schedules, samplers, guidance, and what a network predicts.
 *
 * @module
 * @experimental
 */
export {
  createDenoiser,
  type Denoise,
  type DenoiserOptions,
  type Network,
  PREDICTIONS,
  type Prediction,
} from "./denoiser.ts"
export { combineGuidance, withGuidance } from "./guidance.ts"
export { addNoise, velocity } from "./noising.ts"
export { type PassPosition, type PassRow, passRows } from "./pass-position.ts"
export {
  findSampler,
  finish,
  SAMPLER_NAMES,
  SAMPLERS,
  type Sampler,
  type SamplerEntry,
  type SamplerName,
  type SamplerStep,
  type StartScale,
  type StepNoise,
  startFactor,
} from "./samplers/index.ts"
export {
  alphaAt,
  createNoiseSchedule,
  LARGEST_SIGMA,
  type NoiseSchedule,
  type NoiseScheduleOptions,
  sigmaAt,
  snrAt,
  timestepAt,
} from "./schedule.ts"
export { type NoiseLevels, noiseLevels, TIMESTEP_SPACINGS, type TimestepSpacing } from "./sigmas.ts"
export { type SizeCondition, sinusoidalEmbedding, sizeEmbedding, timestepEmbedding } from "./size-embedding.ts"
