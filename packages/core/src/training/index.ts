/**
 * Training: data sets, loss, gradients, optimiser, and the loop over them.
 *
 * @module
 */
export {
  type AdamWFactors,
  type AdamWOptions,
  type AdamWState,
  adamWFactors,
  createAdamWState,
  stepAdamW,
} from "./adamw.ts"
export { createBatchOrder, type Sized } from "./batches.ts"
export {
  type BucketChoice,
  type BucketOptions,
  type Buckets,
  createBuckets,
  cropCondition,
  type Size,
} from "./buckets.ts"
export { clipGradients } from "./clip-gradients.ts"
export {
  type CachedExample,
  type CacheExample,
  type CacheOptions,
  type CacheProgress,
  cacheDataset,
  createExampleCache,
  type TrainDataset,
  type TrainExample,
} from "./dataset.ts"
export { type GradientInput, type GradientOptions, type LossAndGradients, lossAndGradients } from "./gradients.ts"
export {
  elementwiseLoss,
  HUBER_SCHEDULES,
  type HuberOptions,
  type HuberSchedule,
  huberDelta,
  LOSS_TYPES,
  type LossType,
  type LossWeightOptions,
  lossWeight,
  weightedMean,
} from "./loss.ts"
export { createLrSchedule, LR_CURVES, type LrCurve, type LrMovement, type LrScheduleOptions } from "./lr-schedule.ts"
export { normaliseConditioners } from "./normalise-conditioners.ts"
export { type BatchRows, type ObjectiveOptions, objective } from "./objective.ts"
export {
  createTrainState,
  type GradientSource,
  type GradientTask,
  type TrainOptions,
  type TrainState,
  type TrainStateOptions,
  type TrainStepEvent,
  train,
} from "./train.ts"
