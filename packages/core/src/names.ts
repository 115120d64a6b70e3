/**
 * The names that options take, with their options, defaults and ranges, and the form of notices. Nothing here loads
 * TensorFlow.js.
 *
 * @module
 */
export {
  type ArgumentKind,
  checkArgument,
  checkArguments,
  checkGiven,
  checkOptions,
  type OptionKinds,
  valueText,
} from "./argument.ts"
export {
  GRADUAL_LATENT_DEFAULTS,
  GRADUAL_LATENT_RANGES,
  type GradualLatent,
  LATENT_UNSHARP_RANGES,
  type LatentUnsharp,
} from "./diffusion/gradual-latent.ts"
export * from "./diffusion/names.ts"
export * from "./diffusion/other-programs.ts"
export { type BlockStrengths, blocksOf, clashOf } from "./generation/block-strengths.ts"
export { COMBINATIONS, GENERATE_DEFAULTS, GENERATE_RANGES, SIDE_MULTIPLE } from "./generation/defaults.ts"
export { HIRES_DEFAULTS, HIRES_RANGES, HIRES_UPSCALERS, type HiresFix } from "./generation/hires-fix.ts"
export { REGION_CODES } from "./generation/region-map.ts"
export { START_NOISE_RANGES } from "./generation/start-noise.ts"
export { MASKED_CONTENTS, type MaskedContent, START_DEFAULTS, START_RANGES } from "./generation/start-picture.ts"
export { type CurvePoint, WINDOW_COUNTS, type WindowCount } from "./generation/window.ts"
export { DEFAULT_FIT, FITS, type Fit } from "./image/fit.ts"
export { jsonMistake } from "./json-mistake.ts"
export { listText } from "./list-text.ts"
export { DEEP_CACHE_DEPTH, DEEP_CACHE_RANGES, type DeepCache } from "./models/unet/deep-cache.ts"
export {
  DEEP_SHRINK_RANGES,
  DEEP_SHRINK_RATIO,
  DEEP_SHRINK_TIMESTEP,
  type DeepShrink,
} from "./models/unet/deep-shrink.ts"
export { nearest } from "./nearest.ts"
export { countedNotice } from "./notice.ts"
export { checkRanges, isInRange, type NumberOption, type NumberRange, rangeText } from "./number-range.ts"
export {
  EMBEDDING_NORMALIZATIONS,
  PROMPT_COMPATS,
  PROMPT_DEFAULTS,
  PROMPT_RANGES,
  PROMPT_SYNTAXES,
} from "./prompt/options.ts"
export { checkSeed, LARGEST_SEED, readSeed, type Seed, seedAfter } from "./random/seed.ts"
export { OVERLAP_MULTIPLE, overlapOf, TILE_MULTIPLE, TILING_RANGES, type Tiling } from "./tiling.ts"
export { CAPTION_DEFAULTS } from "./training/captions/rules.ts"
export { describeUnused, type Remark, remarkKinds, remarkNotices } from "./training/dataset-notices.ts"
export {
  type CurveArguments,
  readCurveArguments,
  readSchedulerArguments,
  type SchedulerArguments,
  schedulerOfType,
  TORCH_SCHEDULER_TYPES,
} from "./training/learning-rate/python-arguments.ts"
export {
  HUBER_SCHEDULES,
  type HuberSchedule,
  LOSS_TYPES,
  type LossType,
  LR_CURVE_OPTIONS,
  LR_CURVES,
  type LrCurve,
  type LrOption,
} from "./training/names.ts"
export { OPTIMIZERS, type OptimizerChoice, type OptimizerName } from "./training/optimizers/index.ts"
export { OPTIMIZER_TYPES, optimizerOfType, readOptimizerArguments } from "./training/optimizers/python-arguments.ts"
export { followsCurve, hasOwnRate, optimizerNotices, ownScheduleNotice } from "./training/optimizers/rate-traits.ts"
export { TRAIN_PRESETS, type TrainPreset, type TrainPresetName } from "./training/presets.ts"
export type { ArgumentProblem } from "./training/python/argument-problem.ts"
export {
  ADAPTER_RANGES,
  CAPTION_RANGES,
  EMA_RANGES,
  HUBER_RANGES,
  LOSS_WEIGHT_RANGES,
  LR_RANGES,
  NOISE_RANGES,
  OBJECTIVE_RANGES,
  STRENGTH_RANGES,
  TRAIN_RANGES,
} from "./training/ranges.ts"
