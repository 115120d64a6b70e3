import { defineOptimizer } from "../rule.ts"
import { rectification } from "../torch/radam.ts"
import { averageOf, averageShare, moveValue, SCHEDULE_FREE_OPTIONS, scheduleFreeNumbers } from "./schedule-free.ts"

/**
 * Rectified Adam without a learning-rate schedule. It needs no warm-up.
 *
 * Source: Defazio et al. 2024 (arXiv:2405.15682), as `schedulefree.RAdamScheduleFree` 1.4.
 */
export const RADAM_SCHEDULE_FREE = defineOptimizer({
  name: "radamschedulefree",
  hasOneRate: true,
  options: {
    /** The share of the average in the values that train. */
    beta1: { default: 0.9, above: 0, below: 1 },
    beta2: { default: 0.999, min: 0, below: 1 },
    epsilon: { default: 1e-8, min: 0 },
    ...SCHEDULE_FREE_OPTIONS,
    /** The first updates, which have too few gradients to divide by, do not move. Otherwise they move as SGD's. */
    silentSgdPhase: { default: true },
  },
  python: { betas: ["beta1", "beta2"], eps: "epsilon" },
  lists: ({ values: { length } }) => ({ z: { length, start: "values" }, v: { length } }),
  numbers: scheduleFreeNumbers,
  update({ values, gradients, learningRate, step, lists: { z, v }, numbers, settings }) {
    const { beta1, beta2, epsilon, weightDecay, silentSgdPhase } = settings
    const rectified = rectification(step, beta2, 4)
    const rate = learningRate * (rectified ?? (silentSgdPhase ? 0 : 1))
    const place = { rate, momentum: beta1, share: averageShare(numbers, step, rate, settings) }
    const correction = 1 - beta2 ** step
    for (let i = 0; i < values.length; i++) {
      const gradient = gradients[i] as number
      v[i] = beta2 * (v[i] as number) + (1 - beta2) * gradient * gradient
      const root = rectified === null ? 1 : Math.sqrt((v[i] as number) / correction) + epsilon
      moveValue(values, z, i, gradient / root + weightDecay * (values[i] as number), place)
    }
  },
  average: ({ lists: { z }, settings: { beta1 }, ...model }) => averageOf(model, z, beta1),
})
