/**
 * Noise schedules, samplers, guidance, and what a network predicts.
 *
 * @module
 * @experimental
 */
export { createDenoiser, type Denoise, type DenoiserOptions, type Network } from "./denoiser.ts"
export { combineGuidance, rescaleGuidance, withComposedGuidance, withGuidance } from "./guidance.ts"
export * from "./names.ts"
export { addNoise, velocity } from "./noising.ts"
export { type PassPosition, type PassRow, passRows, type StepPosition } from "./pass-position.ts"
export {
  type AfterStep,
  addsNoise,
  checkSamplerOptions,
  findSampler,
  finish,
  type IntervalNoise,
  type NoiseInterval,
  type Sampler,
  type SamplerEntry,
  type SamplerStep,
  type SampleSettings,
  startFactor,
  type TimestepMap,
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
export { listedLevels, type NoiseLevels, noiseLevels } from "./sigmas.ts"
export {
  SIZE_EMBEDDING_DIM,
  type SizeCondition,
  sinusoidalEmbedding,
  sizeEmbedding,
  timestepEmbedding,
} from "./size-embedding.ts"
