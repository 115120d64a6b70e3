import { defineOptimizer } from "../rule.ts"
import { D_OPTIONS, nextD } from "./d-adaptation.ts"

/** The options of both kinds of D-Adaptation's Adam. */
const OPTIONS = {
  /** The decay rate of the gradient's running mean. */
  beta1: { default: 0.9, min: 0, below: 1 },
  /** The decay rate of the squared gradient's running mean. */
  beta2: { default: 0.999, min: 0, below: 1 },
  epsilon: { default: 1e-8, above: 0 },
  weightDecay: { default: 0, min: 0 },
  /** Weight decay shrinks the parameter. Otherwise it is added to the gradient. */
  decouple: { default: false },
  ...D_OPTIONS,
} as const

const python = { betas: ["beta1", "beta2"], eps: "epsilon" } as const

/**
 * Adam that finds its step size `d` while it runs. The learning rate is a factor on `d`, usually 1.
 *
 * Source: Defazio & Mishchenko 2023 (arXiv:2301.07733), as `dadaptation.DAdaptAdam` 3.2.
 */
export const D_ADAPT_ADAM = defineOptimizer({
  name: "dadaptadam",
  hasOneRate: true,
  options: {
    ...OPTIONS,
    /** Multiplies by Adam's bias correction. */
    useBiasCorrection: { default: false },
  },
  python,
  lists: ({ values: { length } }) => ({ m: { length }, v: { length }, s: { length } }),
  numbers: ({ d0 }) => ({ d: d0, numerator: 0 }),
  update({ values, gradients, learningRate, step, lists: { m, v, s }, numbers, settings }) {
    const { beta1, beta2, epsilon, weightDecay, decouple, growthRate } = settings
    const correction = settings.useBiasCorrection ? Math.sqrt(1 - beta2 ** step) / (1 - beta1 ** step) : 1
    const rate = numbers.d * learningRate * correction
    const [coupled, shrink] = decouple ? [0, 1 - weightDecay * rate] : [weightDecay, 1]
    const root = Math.sqrt(beta2)
    let [numerator, length] = [0, 0]
    if (learningRate > 0) {
      for (let i = 0; i < values.length; i++) {
        const gradient = (gradients[i] as number) + coupled * (values[i] as number)
        numerator += (rate * gradient * (s[i] as number)) / (Math.sqrt(v[i] as number) + epsilon)
        m[i] = beta1 * (m[i] as number) + rate * (1 - beta1) * gradient
        v[i] = beta2 * (v[i] as number) + (1 - beta2) * gradient * gradient
        s[i] = root * (s[i] as number) + rate * (1 - root) * gradient
        length += Math.abs(s[i] as number)
      }
    }
    // There is nothing to move by yet.
    if (length === 0) return
    numbers.numerator = root * numbers.numerator + (1 - root) * numerator
    numbers.d = nextD(numbers.d, numbers.numerator / ((1 - root) * length), growthRate)
    for (let i = 0; i < values.length; i++) {
      values[i] = (values[i] as number) * shrink - (m[i] as number) / (Math.sqrt(v[i] as number) + epsilon)
    }
  },
})

/**
 * D-Adaptation's Adam of the first preprint, which estimates `d` from squares. sd-scripts' `dadaptation`.
 *
 * Source: `dadaptation.experimental.DAdaptAdamPreprint` 3.2.
 */
export const D_ADAPTATION = defineOptimizer({
  name: "dadaptation",
  hasOneRate: true,
  options: OPTIONS,
  python,
  lists: ({ values: { length } }) => ({ m: { length }, v: { length }, s: { length } }),
  numbers: ({ d0 }) => ({ d: d0, squares: 0 }),
  update({ values, gradients, learningRate, lists: { m, v, s }, numbers, settings }) {
    const { beta1, beta2, epsilon, weightDecay, decouple, growthRate } = settings
    const rate = numbers.d * learningRate
    const [coupled, shrink] = decouple ? [0, 1 - weightDecay * rate] : [weightDecay, 1]
    let [gradientSquares, sumSquares, length] = [0, 0, 0]
    if (learningRate > 0) {
      for (let i = 0; i < values.length; i++) {
        const gradient = (gradients[i] as number) + coupled * (values[i] as number)
        m[i] = beta1 * (m[i] as number) + rate * (1 - beta1) * gradient
        v[i] = beta2 * (v[i] as number) + (1 - beta2) * gradient * gradient
        s[i] = beta2 * (s[i] as number) + rate * (1 - beta2) * gradient
        const divisor = Math.sqrt(v[i] as number) + epsilon
        gradientSquares += (gradient * gradient) / divisor
        sumSquares += (s[i] as number) ** 2 / divisor
        length += Math.abs(s[i] as number)
      }
    }
    if (length === 0) return
    numbers.squares = beta2 * numbers.squares + gradientSquares * rate ** 2 * (1 - beta2)
    numbers.d = nextD(numbers.d, (sumSquares / (1 - beta2) - numbers.squares) / length, growthRate)
    for (let i = 0; i < values.length; i++) {
      values[i] = (values[i] as number) * shrink - (m[i] as number) / (Math.sqrt(v[i] as number) + epsilon)
    }
  },
})
