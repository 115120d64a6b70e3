import { defineOptimizer } from "../rule.ts"
import { D_OPTIONS, nextD } from "./d-adaptation.ts"

/**
 * Lion that finds its step size `d` while it runs.
 *
 * Source: Defazio & Mishchenko 2023 (arXiv:2301.07733), as `dadaptation.DAdaptLion` 3.2.
 */
export const D_ADAPT_LION = defineOptimizer({
  name: "dadaptlion",
  hasOneRate: true,
  options: {
    /** The share of the running mean in the direction. */
    beta1: { default: 0.9, min: 0, below: 1 },
    /** The decay rate of the running mean. */
    beta2: { default: 0.99, min: 0, below: 1 },
    /** Decoupled: a parameter shrinks by its step size · weightDecay. */
    weightDecay: { default: 0, min: 0 },
    d0: D_OPTIONS.d0,
  },
  python: { betas: ["beta1", "beta2"] },
  lists: ({ values: { length } }) => ({ m: { length }, s: { length } }),
  numbers: ({ d0 }) => ({ d: d0, numerator: 0 }),
  update({ values, gradients, learningRate, lists: { m, s }, numbers, settings: { beta1, beta2, weightDecay } }) {
    const rate = numbers.d * learningRate
    const root = Math.sqrt(beta2)
    let [numerator, length] = [0, 0]
    for (let i = 0; i < values.length; i++) {
      const [gradient, mean] = [gradients[i] as number, m[i] as number]
      const direction = Math.sign(beta1 * mean + (1 - beta1) * gradient)
      values[i] = (values[i] as number) * (1 - rate * weightDecay) - rate * direction
      m[i] = beta2 * mean + (1 - beta2) * rate * gradient
      numerator += rate * direction * (s[i] as number)
      s[i] = root * (s[i] as number) + (1 - root) * rate * direction
      length += Math.abs(s[i] as number)
    }
    if (length === 0) return
    numbers.numerator = root * numbers.numerator + (1 - root) * numerator
    if (learningRate > 0) numbers.d = nextD(numbers.d, numbers.numerator / ((1 - root) * length), null)
  },
})
