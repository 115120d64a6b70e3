import { defineOptimizer } from "../rule.ts"
import { D_OPTIONS, nextD } from "./d-adaptation.ts"

const OPTIONS = {
  /** The decay rate of the gradient's running mean. */
  beta1: { default: 0.98, min: 0, below: 1 },
  /** The decay rate of the running mean of gradients' differences. */
  beta2: { default: 0.92, min: 0, below: 1 },
  /** The decay rate of the mean square. */
  beta3: { default: 0.99, min: 0, below: 1 },
  epsilon: { default: 1e-8, above: 0 },
  /** Decoupled: a parameter shrinks by its step size · weightDecay. */
  weightDecay: { default: 0.02, min: 0 },
  /** Shrinks before the step. Otherwise it divides after the step. */
  noProx: { default: false },
  ...D_OPTIONS,
} as const

const python = { betas: ["beta1", "beta2", "beta3"], eps: "epsilon" } as const

/**
 * Adan that finds its step size `d` while it runs.
 *
 * Source: Xie et al. 2022 (arXiv:2208.06677), as `dadaptation.DAdaptAdan` 3.2.
 */
export const D_ADAPT_ADAN = defineOptimizer({
  name: "dadaptadan",
  hasOneRate: true,
  options: OPTIONS,
  python,
  lists: ({ values: { length } }) => ({
    ...{ m: { length }, difference: { length }, v: { length } },
    ...{ s: { length }, before: { length } },
  }),
  numbers: ({ d0 }) => ({ d: d0, squares: 0 }),
  update({ values, gradients, learningRate, step, lists, numbers, settings }) {
    const { m, difference, v, s, before } = lists
    const { beta1, beta2, beta3, epsilon, weightDecay, noProx, growthRate } = settings
    const rate = numbers.d * learningRate
    let [gradientSquares, sumSquares, length] = [0, 0, 0]
    for (let i = 0; i < values.length; i++) {
      const gradient = gradients[i] as number
      const change = step === 1 ? 0 : gradient - (before[i] as number)
      m[i] = beta1 * (m[i] as number) + rate * (1 - beta1) * gradient
      difference[i] = beta2 * (difference[i] as number) + rate * (1 - beta2) * change
      v[i] = beta3 * (v[i] as number) + (1 - beta3) * (gradient + beta2 * change) ** 2
      s[i] = beta3 * (s[i] as number) + rate * (1 - beta3) * gradient
      const divisor = Math.sqrt(v[i] as number) + epsilon
      gradientSquares += (gradient * gradient) / divisor
      sumSquares += (s[i] as number) ** 2 / divisor
      length += Math.abs(s[i] as number)
      before[i] = gradient
    }
    if (length === 0) return
    numbers.squares = beta3 * numbers.squares + gradientSquares * rate ** 2 * (1 - beta3)
    if (learningRate > 0) {
      numbers.d = nextD(numbers.d, (sumSquares / (1 - beta3) - numbers.squares) / length, growthRate)
    }
    for (let i = 0; i < values.length; i++) {
      const divisor = Math.sqrt(v[i] as number) + epsilon
      const move = ((m[i] as number) + beta2 * (difference[i] as number)) / divisor
      values[i] = shrunk(values[i] as number, move, rate * weightDecay, noProx)
    }
  },
})

/**
 * Adan with the estimate of `d` by inner products.
 *
 * Source: `dadaptation.experimental.DAdaptAdanIP` 3.2.
 */
export const D_ADAPT_ADAN_IP = defineOptimizer({
  name: "dadaptadanip",
  hasOneRate: true,
  options: OPTIONS,
  python,
  lists: ({ values: { length } }) => ({
    ...{ m: { length }, difference: { length }, v: { length } },
    ...{ s: { length }, before: { length } },
  }),
  numbers: ({ d0 }) => ({ d: d0, numerator: 0 }),
  update({ values, gradients, learningRate, step, lists, numbers, settings }) {
    const { m, difference, v, s, before } = lists
    const { beta1, beta2, beta3, epsilon, weightDecay, noProx, growthRate } = settings
    const rate = numbers.d * learningRate
    let [numerator, length] = [0, 0]
    for (let i = 0; i < values.length; i++) {
      const gradient = gradients[i] as number
      const change = step === 1 ? 0 : gradient - (before[i] as number)
      numerator += (rate * gradient * (s[i] as number)) / (Math.sqrt(v[i] as number) + epsilon)
      m[i] = beta1 * (m[i] as number) + rate * (1 - beta1) * gradient
      difference[i] = beta2 * (difference[i] as number) + rate * (1 - beta2) * change
      v[i] = beta3 * (v[i] as number) + (1 - beta3) * (gradient + beta2 * change) ** 2
      s[i] = beta3 * (s[i] as number) + rate * (1 - beta3) * gradient
      length += Math.abs(s[i] as number)
      before[i] = gradient
    }
    numbers.numerator = beta3 * numbers.numerator + (1 - beta3) * numerator
    if (length === 0) return
    if (learningRate > 0) {
      const estimate = (2 * (beta3 / (1 - beta3)) * numbers.numerator) / length
      numbers.d = nextD(numbers.d, estimate, growthRate)
    }
    for (let i = 0; i < values.length; i++) {
      const divisor = Math.sqrt(v[i] as number) + epsilon
      const move = ((m[i] as number) + beta2 * (difference[i] as number)) / divisor
      values[i] = shrunk(values[i] as number, move, rate * weightDecay, noProx)
    }
  },
})

function shrunk(value: number, move: number, decay: number, noProx: boolean): number {
  return noProx ? value * (1 - decay) - move : (value - move) / (1 + decay)
}
