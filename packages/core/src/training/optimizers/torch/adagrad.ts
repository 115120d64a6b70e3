import { defineOptimizer } from "../rule.ts"

/**
 * Adagrad: gradients over the root of the sum of their squares.
 *
 * Source: Duchi et al. 2011, as `torch.optim.Adagrad` (defaults included).
 */
export const ADAGRAD = defineOptimizer({
  name: "adagrad",
  options: {
    /** The learning rate is divided by 1 + lrDecay · updates before. */
    lrDecay: { default: 0, min: 0 },
    /** Coupled: weightDecay times the parameter is added to its gradient. */
    weightDecay: { default: 0, min: 0 },
    initialAccumulatorValue: { default: 0, min: 0 },
    epsilon: { default: 1e-10, min: 0 },
  },
  python: { eps: "epsilon" },
  lists: ({ values: { length } }, { initialAccumulatorValue }) => ({
    sum: { length, start: initialAccumulatorValue },
  }),
  update({ values, gradients, learningRate, step, lists: { sum }, settings: { lrDecay, weightDecay, epsilon } }) {
    const rate = learningRate / (1 + (step - 1) * lrDecay)
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number
      const gradient = (gradients[i] as number) + weightDecay * value
      sum[i] = (sum[i] as number) + gradient * gradient
      values[i] = value - (rate * gradient) / (Math.sqrt(sum[i] as number) + epsilon)
    }
  },
})
