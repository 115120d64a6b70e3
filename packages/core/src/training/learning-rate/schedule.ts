import { checkArgument } from "../../argument.ts"
import { checkRanges } from "../../number-range.ts"
import { TRAIN_RANGES } from "../ranges.ts"
import type { LrCurveMovement } from "./curves.ts"
import { createLrCurve } from "./curves.ts"
import type { SchedulePoint, TorchScheduler } from "./torch-schedulers.ts"
import { torchPoints } from "./torch-schedulers.ts"

/** The movement of a rate: a curve of transformers, or a scheduler of PyTorch. */
export type LrMovement = LrCurveMovement | TorchScheduler

/** A movement with the rate and the length of the run. */
export type LrScheduleOptions = LrMovement & {
  /** The rate at the end of the warm-up. */
  readonly learningRate: number
  /** Optimizer steps of the whole run. */
  readonly totalSteps: number
}

/**
 * The learning rate of each optimizer step, counted from 0.
 *
 * Source: `train_util.get_scheduler_fix` of sd-scripts.
 *
 * @throws CoreError when the curve or scheduler is unknown, or an option is out of range, missing, or not one of it
 */
export function createLrSchedule(options: LrScheduleOptions): (step: number) => number {
  const pointAt = createLrPoints(options)
  return (step) => pointAt(step).rate
}

/**
 * The learning rate of each optimizer step, and the momentum of schedulers that move it.
 *
 * @throws as {@link createLrSchedule}
 */
export function createLrPoints(options: LrScheduleOptions): (step: number) => SchedulePoint {
  checkArgument("learning rate: the options", options, "an object")
  if (!("scheduler" in options)) {
    const rate = createLrCurve(options)
    return (step) => ({ rate: rate(step) })
  }
  const { learningRate, totalSteps, ...movement } = options
  const { learningRate: rates, steps } = TRAIN_RANGES
  checkRanges("learning rate", { learningRate, totalSteps }, { learningRate: rates, totalSteps: steps })
  const pointAt = torchPoints(movement as TorchScheduler, learningRate)
  return (step) => {
    const { rate, ...rest } = pointAt(step)
    // A growing rate has no limit. An optimiser has one.
    return { rate: Math.min(rate, rates.max), ...rest }
  }
}
