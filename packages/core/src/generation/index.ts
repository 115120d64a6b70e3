export { overlapOf, TILING_RANGES, type Tiling } from "../tiling.ts"
export type { AdapterControl, AdapterSettings } from "./adapter-settings.ts"
export { type AdapterPlace, type AdapterUse, type PreparedAdapter, prepareAdapter } from "./adapters.ts"
export { type BlockStrengths, UNET_BLOCKS } from "./block-strengths.ts"
export { type ConditionOptions, type Conditions, chunksNeeded, encodeConditions } from "./conditions.ts"
export {
  type ControlNetSettings,
  type ControlNetUse,
  type PreparedControlNet,
  prepareControlNet,
} from "./control-nets.ts"
export type { ControlPreparation } from "./control-picture.ts"
export { decodePictures } from "./decode-pictures.ts"
export type { BlockDelta, StepDeltas } from "./delta-meter.ts"
export { createLatentDenoiser, type LatentDenoiserOptions } from "./denoise-latents.ts"
export { encodePictures } from "./encode-pictures.ts"
export { type GenerateEvent, generate } from "./generate.ts"
export { HIRES_DEFAULTS, HIRES_RANGES, HIRES_UPSCALERS, type HiresFix, type HiresUpscaler } from "./hires-fix.ts"
export { type LoraRun, lorasTap } from "./loras.ts"
export { keepOutside, latentMask, type Masked } from "./mask.ts"
export { createNoiseSource, type LatentSize, type NoiseSource } from "./noise-source.ts"
export type { PartSettings, PartUse, PartView, PictureArea } from "./part-settings.ts"
export { planSampling, type SamplingChoice, type SamplingPlan } from "./plan-sampling.ts"
export { type MappedRegions, REGION_CODES, regionMasks } from "./region-map.ts"
export { type PreparedRegions, prepareRegions, type RegionalRun } from "./regions.ts"
export type { GenerateOptions, PictureRequest } from "./request.ts"
export { startFromLatents, startFromNoise } from "./start.ts"
export type { NoiseOffset, PyramidNoise, StartNoise } from "./start-noise.ts"
export { type StartPicture, type StartSteps, startSteps } from "./start-picture.ts"
export {
  type PassPart,
  type PreparedTile,
  type PreparedTiles,
  prepareTiles,
  type TileReport,
  withTiles,
} from "./tiled-network.ts"
export { type WalkOptions, type WalkStep, walkLatents } from "./walk-latents.ts"
export {
  type CurvePoint,
  checkWindow,
  createWindowReader,
  WINDOW_COUNTS,
  type Window,
  type WindowCount,
  type WindowReader,
} from "./window.ts"
