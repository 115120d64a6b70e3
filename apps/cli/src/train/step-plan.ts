import type { LrMovement } from "@lllite/core/training"
import { checkTrainOptions, largestBatch, stepsPerEpoch } from "@lllite/core/training"
import type { FolderDataset } from "@lllite/runtime-node"
import type { StepCount } from "@lllite/runtime-node/options"
import type { LrSettings } from "./rate-settings.ts"
import type { TrainSettings } from "./settings.ts"

/** The steps of a run, and the learning rate over them. */
export interface StepPlan {
  readonly steps: number
  readonly perEpoch: number
  readonly lr: LrMovement
}

type PlannedSettings = Pick<
  TrainSettings,
  "length" | "lr" | "learningRate" | "gradientAccumulationSteps" | "optimizer" | "partRates" | "ema"
>

/** Steps of a run over a data set. @throws CoreError when options of the rate or the optimizer contradict each other */
export function planSteps(
  { length, lr: rate, learningRate, gradientAccumulationSteps, optimizer, partRates, ema }: PlannedSettings,
  { sizes, batchSize }: Pick<FolderDataset, "sizes" | "batchSize">,
): StepPlan {
  const perEpoch = stepsPerEpoch(sizes, batchSize, gradientAccumulationSteps)
  const steps = "steps" in length ? length.steps : length.epochs * perEpoch
  const lr = lrMovement(rate, steps)
  const rates = {
    ...{ learningRate, lr, optimizer },
    ...(partRates === null ? {} : { partRates }),
    ...(ema === null ? {} : { ema }),
  }
  checkTrainOptions({ steps, batchSize, seed: 0, ...rates })
  return { steps, perEpoch, lr }
}

function lrMovement(rate: LrSettings, steps: number): LrMovement {
  if ("scheduler" in rate) return rate
  const { warmup, decay, ...lr } = rate
  const inSteps = (count: StepCount): number => ("steps" in count ? count.steps : Math.floor(count.share * steps))
  return {
    ...lr,
    ...(warmup === undefined ? {} : { warmupSteps: inSteps(warmup) }),
    ...(decay === undefined ? {} : { decaySteps: inSteps(decay) }),
  }
}

/** The parts of the largest batch, and the most pairs of a part. `batchParts`: the parts that a batch may have */
export function largestBatchParts(
  { sizes, batchSize }: Pick<FolderDataset, "sizes" | "batchSize">,
  batchParts: number,
): { readonly parts: number; readonly rows: number } {
  const pairs = largestBatch(sizes, batchSize)
  const rows = Math.ceil(pairs / batchParts)
  return { parts: Math.ceil(pairs / rows), rows }
}

/** The most pairs in a batch, of each data set that differs in it. The largest comes first. */
export function batchSizesOf({ sizes, batchSize }: Pick<FolderDataset, "sizes" | "batchSize">): readonly number[] {
  return [...new Set(sizes.map((size) => size.batchSize ?? batchSize))].sort((a, b) => b - a)
}
