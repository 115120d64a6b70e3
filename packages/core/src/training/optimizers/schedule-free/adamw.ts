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
 * AdamW without a learning-rate schedule.
 *
 * Source: Defazio et al. 2024 (arXiv:2405.15682), algorithm 1, as `schedulefree.AdamWScheduleFree` 1.4.
 */
export const ADAMW_SCHEDULE_FREE = defineOptimizer({
  name: "adamwschedulefree",
  hasOneRate: true,
  options: {
    /** The share of the average in the values that train. */
    beta1: { default: 0.9, above: 0, below: 1 },
    /** The decay rate of the squared gradient's running mean. */
    beta2: { default: 0.999, min: 0, below: 1 },
    epsilon: { default: 1e-8, min: 0 },
    ...SCHEDULE_FREE_OPTIONS,
    ...WARMUP_STEPS,
  },
  python: { betas: ["beta1", "beta2"], eps: "epsilon" },
  lists: ({ values: { length } }) => ({ z: { length, start: "values" }, v: { length } }),
  numbers: scheduleFreeNumbers,
  update({ values, gradients, learningRate, step, lists: { z, v }, numbers, settings }) {
    const { beta1, beta2, epsilon, weightDecay, warmupSteps } = settings
    const rate = learningRate * (step <= warmupSteps ? step / warmupSteps : 1)
    const place = { rate, momentum: beta1, share: averageShare(numbers, step, rate, settings) }
    const correction = 1 - beta2 ** step
    for (let i = 0; i < values.length; i++) {
      const gradient = gradients[i] as number
      v[i] = beta2 * (v[i] as number) + (1 - beta2) * gradient * gradient
      const normalised = gradient / (Math.sqrt((v[i] as number) / correction) + epsilon)
      moveValue(values, z, i, normalised + weightDecay * (values[i] as number), place)
    }
  },
  average: ({ lists: { z }, settings: { beta1 }, ...model }) => averageOf(model, z, beta1),
})
