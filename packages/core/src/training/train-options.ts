import { checkArgument } from "../argument.ts"
import { checkRanges } from "../number-range.ts"
import { checkSeed, type Seed } from "../random/seed.ts"
import type { ReadingOrder } from "./batches.ts"
import type { EmaOptions } from "./ema.ts"
import { checkEma } from "./ema.ts"
import type { LrMovement, LrScheduleOptions } from "./learning-rate/schedule.ts"
import { createLrPoints } from "./learning-rate/schedule.ts"
import type { ObjectiveOptions } from "./objective-options.ts"
import { checkObjective } from "./objective-options.ts"
import type { OptimizerChoice } from "./optimizers/index.ts"
import { checkNoAverage, checkOptimizer, checkPartRates, DEFAULT_OPTIMIZER, withMomentum } from "./optimizers/index.ts"
import { TRAIN_RANGES } from "./ranges.ts"

/** Options of a training run. `TRAIN_RANGES` has the ranges of the numbers. */
export interface TrainOptions {
  readonly steps: number
  readonly batchSize: number
  /**
   * The number of batches that a step takes, one after another. Their mean is one update, as if they were one batch. The
   * last step of an epoch may take fewer. Default: 1.
   */
  readonly accumulation?: number
  readonly seed: Seed
  /** Chunks of 75 tokens that are read of a caption. Default: 1. */
  readonly captionChunks?: number
  /** Whether `(word:1.2)` and its like are weights in captions. Default: false, every sign is text. */
  readonly weightedCaptions?: boolean
  readonly learningRate: number
  /** The movement of the learning rate. Default: constant. */
  readonly lr?: LrMovement
  /**
   * A factor on the learning rate of each group of parts, such as `{ up: 0.5 }`. 0 keeps a group as it is. Groups of an
   * LLLite are `conditioning1`, `down`, `mid` and `up`. Optimisers that find their step size take none. Default: 1.
   */
  readonly partRates?: Readonly<Record<string, number>>
  /**
   * An average of the values, which the finished model has. Not with schedule-free optimisers, which have their own.
   * Default: none.
   */
  readonly ema?: EmaOptions
  /** Default: AdamW with its defaults. */
  readonly optimizer?: OptimizerChoice
  /** The largest norm of a gradient. Larger gradients are scaled to it. 0 sets no limit. Default: 1. */
  readonly maxGradNorm?: number
  /**
   * The number of parts of a batch. Parts may run side by side. Their sum is taken in order. So a run's result depends
   * on the number of parts, and not on the workers that compute them. Default: 1.
   */
  readonly shards?: number
  /** How the examples of an epoch follow each other. In a runtime, the data set's order counts. Default: any follows any */
  readonly reading?: ReadingOrder
  readonly signal?: AbortSignal
}

/**
 * Checks all options of a run together. It takes no time, so a caller can check before it opens a data set or a model.
 *
 * @throws CoreError that names the first wrong option, what was expected and what came
 */
export function checkTrainOptions(options: TrainOptions & { readonly objective?: ObjectiveOptions }): void {
  checkArgument("training: the options", options, "an object")
  checkSeed("training", options.seed)
  checkRanges("training", { ...options }, TRAIN_RANGES)
  const { optimizer = DEFAULT_OPTIMIZER, objective = {}, partRates = {} } = options
  checkOptimizer(withMomentum(optimizer, createLrPoints(lrOf(options))(0).momentum))
  if (options.ema !== undefined) {
    checkEma(options.ema)
    checkNoAverage(optimizer)
  }
  const factors = Object.entries(partRates)
  for (const [group, factor] of factors) {
    checkRanges("training.partRates", { [group]: factor }, { [group]: TRAIN_RANGES.partRate })
  }
  if (factors.some(([, factor]) => factor !== 1)) checkPartRates(optimizer)
  checkObjective(objective)
}

/** The movement of a run's learning rate, with the rate and the run's length. */
export function lrOf({ lr = { curve: "constant" }, learningRate, steps }: TrainOptions): LrScheduleOptions {
  return { ...lr, learningRate, totalSteps: steps }
}
