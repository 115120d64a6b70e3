import { defineOptimizer } from "../rule.ts"
import { D_OPTIONS, nextD } from "./d-adaptation.ts"

/**
 * Adagrad that finds its step size `d` while it runs.
 *
 * Source: Defazio & Mishchenko 2023 (arXiv:2301.07733), as `dadaptation.DAdaptAdaGrad` 3.2.
 */
export const D_ADAPT_ADAGRAD = defineOptimizer({
  name: "dadaptadagrad",
  hasOneRate: true,
  options: {
    momentum: { default: 0, min: 0, below: 1 },
    epsilon: { default: 1e-6, above: 0 },
    /** Coupled: weightDecay times the parameter is added to its gradient. */
    weightDecay: { default: 0, min: 0 },
    ...D_OPTIONS,
  },
  python: { eps: "epsilon" },
  lists: ({ values: { length } }) => ({
    squares: { length, start: 1e-6 },
    s: { length },
    start: { length, start: "values" },
  }),
  numbers: ({ d0 }) => ({ d: d0, sumSquares: 0, gradientSquares: 0, length: 0 }),
  update({ values, gradients, learningRate, lists: { squares, s, start }, numbers, settings }) {
    const { momentum, epsilon, weightDecay, growthRate } = settings
    const rate = numbers.d * learningRate
    let [gradientSquares, sumChange, lengthChange] = [0, 0, 0]
    for (let i = 0; i < values.length; i++) {
      const gradient = (gradients[i] as number) + weightDecay * (values[i] as number)
      const before = s[i] as number
      const rootBefore = Math.sqrt(squares[i] as number) + epsilon
      squares[i] = (squares[i] as number) + gradient * gradient
      s[i] = before + rate * gradient
      const root = Math.sqrt(squares[i] as number) + epsilon
      gradientSquares += (gradient * gradient) / root
      sumChange += (s[i] as number) ** 2 / root - (before * before) / rootBefore
      lengthChange += Math.abs(s[i] as number) - Math.abs(before)
    }
    numbers.sumSquares += sumChange
    numbers.length += lengthChange
    if (numbers.length === 0) return
    numbers.gradientSquares += rate * rate * gradientSquares
    if (learningRate > 0) {
      numbers.d = nextD(numbers.d, (numbers.sumSquares - numbers.gradientSquares) / numbers.length, growthRate)
    }
    for (let i = 0; i < values.length; i++) {
      const target = (start[i] as number) - (s[i] as number) / (Math.sqrt(squares[i] as number) + epsilon)
      values[i] = momentum * (values[i] as number) + (1 - momentum) * target
    }
  },
})
