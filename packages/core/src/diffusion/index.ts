export { createDenoiser, type Denoise, type DenoiserOptions, type Network, type Prediction } from "./denoiser.ts"
export { combineGuidance, withGuidance } from "./guidance.ts"
export { addNoise, velocity } from "./noising.ts"
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
  startFactor,
} from "./samplers/index.ts"
export {
  alphaAt,
  createNoiseSchedule,
  type NoiseSchedule,
  type NoiseScheduleOptions,
  sigmaAt,
  snrAt,
  timestepAt,
} from "./schedule.ts"
export { type NoiseLevels, noiseLevels, type TimestepSpacing } from "./sigmas.ts"
export { type SizeCondition, sizeEmbedding, timestepEmbedding } from "./size-embedding.ts"
