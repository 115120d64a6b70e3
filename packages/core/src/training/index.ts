/**
 * Training: data sets, loss, gradients, optimiser, and the loop over them.
 *
 * @module
 */

export type { CoarserGrids } from "../diffusion/coarser-grids.ts"
export type { DivergedErrorCode } from "../errors.ts"
export { createBatchOrder, largestBatch, type ReadingOrder, type Sized, stepsPerEpoch } from "./batches.ts"
export {
  type BucketChoice,
  type BucketOptions,
  type Buckets,
  createBuckets,
  cropCondition,
  type Size,
} from "./buckets.ts"
export {
  CAPTION_DEFAULTS,
  type CaptionMoment,
  type CaptionRandom,
  type CaptionRules,
  captionChanges,
  captionFileNames,
  captionOfText,
  checkCaptionRules,
  drawCaption,
  frequentTexts,
  longestCaption,
  plainCaption,
  processCaption,
  type RuledCaption,
} from "./captions/index.ts"
export { clipGradients } from "./clip-gradients.ts"
export type {
  Augmentation,
  CachedExample,
  EncodedText,
  ExampleDraws,
  ExampleView,
  LatentStore,
  StoredExample,
  TextStore,
  TrainDataset,
  TrainExample,
} from "./dataset.ts"
export { DivergedError } from "./diverged-error.ts"
export { drawHole } from "./drawn-hole.ts"
export { type EmaOptions, type EmaWarmup, emaDecay } from "./ema.ts"
export {
  type CacheExample,
  type CacheOptions,
  type CacheProgress,
  cacheDataset,
  createExampleCache,
} from "./example-cache.ts"
export { createExampleMemo, type ExampleMemo } from "./example-memo.ts"
export type { EncodeOptions } from "./example-row.ts"
export {
  type FinalGradient,
  type FinalRanges,
  type GradientOptions,
  type LossAndGradients,
  lossAndGradients,
  type TrainedTap,
} from "./gradients.ts"
export type { LrCurveMovement, LrPiece } from "./learning-rate/curves.ts"
export {
  type CurveArguments,
  readCurveArguments,
  readSchedulerArguments,
  type SchedulerArguments,
  schedulerOfType,
  TORCH_SCHEDULER_TYPES,
} from "./learning-rate/python-arguments.ts"
export { createLrSchedule, type LrMovement, type LrScheduleOptions } from "./learning-rate/schedule.ts"
export type { TorchScheduler, TorchSchedulerName } from "./learning-rate/torch-schedulers.ts"
export { controlValues, limitingValues, limitSites } from "./limit-sites.ts"
export { LLLITE, trainedLllite } from "./lllite-trainable.ts"
export {
  elementwiseLoss,
  type HuberOptions,
  huberDelta,
  type LossWeightOptions,
  lossWeight,
  weightedMean,
} from "./loss.ts"
export {
  HUBER_SCHEDULES,
  type HuberSchedule,
  LOSS_TYPES,
  type LossType,
  LR_CURVES,
  LR_SHAPES,
  type LrCurve,
  type LrShape,
} from "./names.ts"
export type { NoiseOptions } from "./noise.ts"
export { type FirstControl, normaliseConditioners } from "./normalise-conditioners.ts"
export { type BatchRows, objective, objectiveLoss } from "./objective.ts"
export { checkObjective, type ObjectiveOptions } from "./objective-options.ts"
export { type AdamWFactors, type AdamWSettings, adamWFactors } from "./optimizers/adam.ts"
export {
  checkOptimizer,
  DEFAULT_OPTIMIZER,
  initOptimizer,
  type LoadOptimizer,
  loadOptimizer,
  OPTIMIZERS,
  type OptimizerChoice,
  type OptimizerName,
} from "./optimizers/index.ts"
export type { Optimizer, OptimizerState } from "./optimizers/optimizer.ts"
export {
  type OptimizerOption,
  type OptimizerOptions,
  type OptimizerSettings,
  settingsOf,
} from "./optimizers/options.ts"
export {
  OPTIMIZER_TYPES,
  type OptimizerArguments,
  optimizerOfType,
  readOptimizerArguments,
} from "./optimizers/python-arguments.ts"
export {
  defineOptimizer,
  type ListPlan,
  loadRule,
  memoryOf,
  type OptimizedModel,
  type OptimizerMemory,
  type OptimizerRule,
  type OptimizerUpdate,
} from "./optimizers/rule.ts"
export { createPartFeedback, type PartFeedback } from "./part-feedback.ts"
export { TRAIN_PRESETS, type TrainPreset, type TrainPresetName } from "./presets.ts"
export type { ArgumentProblem } from "./python/argument-problem.ts"
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
} from "./ranges.ts"
export { ROUNDED_BLOCK, type RoundedGradients, roundGradients, unroundGradients } from "./rounded-gradients.ts"
export { readSavedRun, type SavedRun, savedRunChunks } from "./saved-run.ts"
export { loadTrainState, type SavedTensor, type SavedTrainState, saveTrainState } from "./saved-state.ts"
export { scaleEffect } from "./scale-effect.ts"
export { type StrengthRange, shareAt } from "./strength-range.ts"
export { groupsOfParts, type PartGroup, type PartResult, sumGroup } from "./sum-parts.ts"
export {
  type GradientSource,
  type GradientTask,
  type TrainMachine,
  type TrainStepEvent,
  train,
} from "./train.ts"
export { checkTrainOptions, type TrainOptions } from "./train-options.ts"
export { beginTraining, createTrainState, type TrainState, type TrainStateOptions } from "./train-state.ts"
export type { PlacedTrainable, Trainable, TrainableModel, TrainBatch } from "./trainable.ts"
export { trainedModel } from "./trained-model.ts"
export { type HeldOutExample, validationLosses, validationTimesteps } from "./validation-loss.ts"
export { fileStrides, type ValuePart } from "./value-part.ts"
