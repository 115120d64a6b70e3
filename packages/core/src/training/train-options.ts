import { checkRanges } from "../number-range.ts"
import type { LrMovement } from "./lr-schedule.ts"
import { createLrSchedule } from "./lr-schedule.ts"
import type { ObjectiveOptions } from "./objective-options.ts"
import { checkObjective } from "./objective-options.ts"
import type { OptimizerChoice } from "./optimizers/index.ts"
import { checkOptimizer, DEFAULT_OPTIMIZER } from "./optimizers/index.ts"
import { TRAIN_RANGES } from "./ranges.ts"

/** How a run is trained. The ranges of its numbers stand in `TRAIN_RANGES`. */
export interface TrainOptions {
  readonly steps: number
  readonly batchSize: number
  readonly seed: number
  readonly learningRate: number
  /** How the rate moves. Default: it is constant. */
  readonly lr?: LrMovement
  /** Default: AdamW with its own defaults. */
  readonly optimizer?: OptimizerChoice
  /** Longest gradient that is taken as it is; 0 for no limit. Default: 1. */
  readonly maxGradNorm?: number
  /**
   * Into how many parts a batch is cut. They may run side by side. Their sum is taken in order, so a run's result
   * depends on their number and not on who computed them. Default: 1.
   */
  readonly shards?: number
  readonly signal?: AbortSignal
}

/**
 * Checks all options of a run together. It takes no time, so a caller can ask before it opens a data set or a model.
 *
 * @throws CoreError naming the first option that is wrong, what is expected and what came
 */
export function checkTrainOptions(options: TrainOptions & { readonly objective?: ObjectiveOptions }): void {
  checkRanges("training", { ...options }, TRAIN_RANGES)
  const { lr = { curve: "constant" }, learningRate, steps, optimizer = DEFAULT_OPTIMIZER, objective = {} } = options
  createLrSchedule({ ...lr, learningRate, totalSteps: steps })
  checkOptimizer(optimizer)
  checkObjective(objective)
}
