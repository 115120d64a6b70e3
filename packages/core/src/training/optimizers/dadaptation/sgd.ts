import { defineOptimizer } from "../rule.ts"
import { D_OPTIONS, nextD } from "./d-adaptation.ts"

/**
 * Gradient descent that finds its step size `d` while it runs. Steps are relative to the norm of the first gradient.
 *
 * Source: Defazio & Mishchenko 2023 (arXiv:2301.07733), as `dadaptation.DAdaptSGD` 3.2.
 */
export const D_ADAPT_SGD = defineOptimizer({
  name: "dadaptsgd",
  hasOneRate: true,
  options: {
    momentum: { default: 0, min: 0, below: 1 },
    /** Coupled: weightDecay times the parameter is added to its gradient. */
    weightDecay: { default: 0, min: 0 },
    ...D_OPTIONS,
  },
  lists: ({ values: { length } }) => ({ s: { length }, start: { length, start: "values" } }),
  numbers: ({ d0 }) => ({ d: d0, numerator: 0, firstNorm: 0 }),
  update({ values, gradients, learningRate, step, lists: { s, start }, numbers, settings }) {
    const { momentum, weightDecay, growthRate } = settings
    if (step === 1) {
      // Without the weight decay, as the source has it.
      let squares = 0
      for (let i = 0; i < values.length; i++) squares += (gradients[i] as number) ** 2
      numbers.firstNorm = Math.sqrt(squares)
    }
    const rate = numbers.firstNorm === 0 ? 0 : (numbers.d * learningRate) / numbers.firstNorm
    let sumSquares = 0
    for (let i = 0; i < values.length; i++) {
      const gradient = (gradients[i] as number) + weightDecay * (values[i] as number)
      numbers.numerator += rate * gradient * (s[i] as number)
      s[i] = (s[i] as number) + rate * gradient
      sumSquares += (s[i] as number) ** 2
    }
    if (sumSquares === 0) return
    if (learningRate > 0) {
      numbers.d = nextD(numbers.d, (2 * numbers.numerator) / Math.sqrt(sumSquares), growthRate)
    }
    for (let i = 0; i < values.length; i++) {
      const target = (start[i] as number) - (s[i] as number)
      values[i] = momentum * (values[i] as number) + (1 - momentum) * target
    }
  },
})
