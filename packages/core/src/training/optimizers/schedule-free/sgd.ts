import { defineOptimizer } from "../rule.ts"
import {
  averageOf,
  averageShare,
  moveValue,
  SCHEDULE_FREE_OPTIONS,
  scheduleFreeNumbers,
  WARMUP_STEPS,
} from "./schedule-free.ts"

/**
 * Gradient descent without a learning-rate schedule.
 *
 * Source: Defazio et al. 2024 (arXiv:2405.15682), algorithm 1, as `schedulefree.SGDScheduleFree` 1.4.
 */
export const SGD_SCHEDULE_FREE = defineOptimizer({
  name: "sgdschedulefree",
  hasOneRate: true,
  options: {
    /** The share of the average in the values that train. */
    momentum: { default: 0.9, above: 0, below: 1 },
    ...SCHEDULE_FREE_OPTIONS,
    ...WARMUP_STEPS,
  },
  lists: ({ values: { length } }) => ({ z: { length, start: "values" } }),
  numbers: scheduleFreeNumbers,
  update({ values, gradients, learningRate, step, lists: { z }, numbers, settings }) {
    const { momentum, weightDecay, warmupSteps } = settings
    const rate = learningRate * (step <= warmupSteps ? step / warmupSteps : 1)
    const place = { rate, momentum, share: averageShare(numbers, step, rate, settings) }
    for (let i = 0; i < values.length; i++) {
      moveValue(values, z, i, (gradients[i] as number) + weightDecay * (values[i] as number), place)
    }
  },
  average: ({ lists: { z }, settings: { momentum }, ...model }) => averageOf(model, z, momentum),
})
