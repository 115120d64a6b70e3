import type { LrMovement } from "@lllite/core/training"
import { createLrSchedule, stepsPerEpoch } from "@lllite/core/training"
import type { FolderDataset } from "@lllite/runtime-node"
import type { StepCount } from "@lllite/runtime-node/options"
import type { LrSettings, TrainSettings } from "./settings.ts"

/** The steps of a run, and the learning rate over them. */
export interface StepPlan {
  readonly steps: number
  readonly perEpoch: number
  readonly lr: LrMovement
}

type PlannedSettings = Pick<TrainSettings, "length" | "lr" | "learningRate" | "gradientAccumulationSteps">

/** Steps of a run over a data set. @throws CoreError when the learning rate's options contradict each other */
export function planSteps(
  { length, lr: rate, learningRate, gradientAccumulationSteps }: PlannedSettings,
  { sizes, batchSize }: Pick<FolderDataset, "sizes" | "batchSize">,
): StepPlan {
  const perEpoch = stepsPerEpoch(sizes, batchSize, gradientAccumulationSteps)
  const steps = "steps" in length ? length.steps : length.epochs * perEpoch
  const lr = lrMovement(rate, steps)
  createLrSchedule({ ...lr, learningRate, totalSteps: steps })
  return { steps, perEpoch, lr }
}

function lrMovement({ warmup, decay, ...lr }: LrSettings, steps: number): LrMovement {
  const inSteps = (count: StepCount): number => ("steps" in count ? count.steps : Math.floor(count.share * steps))
  return {
    ...lr,
    ...(warmup === undefined ? {} : { warmupSteps: inSteps(warmup) }),
    ...(decay === undefined ? {} : { decaySteps: inSteps(decay) }),
  }
}
