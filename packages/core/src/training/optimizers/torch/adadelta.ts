import { defineOptimizer } from "../rule.ts"

/**
 * Adadelta: the size of a step follows from the steps before.
 *
 * Source: Zeiler 2012 (arXiv:1212.5701), algorithm 1, as `torch.optim.Adadelta` (defaults included).
 */
export const ADADELTA = defineOptimizer({
  name: "adadelta",
  options: {
    /** The decay rate of both mean squares. */
    rho: { default: 0.9, min: 0, max: 1 },
    epsilon: { default: 1e-6, min: 0 },
    /** Coupled: weightDecay times the parameter is added to its gradient. */
    weightDecay: { default: 0, min: 0 },
  },
  python: { eps: "epsilon" },
  lists: ({ values: { length } }) => ({ v: { length }, moved: { length } }),
  update({ values, gradients, learningRate, lists: { v, moved }, settings: { rho, epsilon, weightDecay } }) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number
      const gradient = (gradients[i] as number) + weightDecay * value
      v[i] = rho * (v[i] as number) + (1 - rho) * gradient * gradient
      const move = (gradient * Math.sqrt((moved[i] as number) + epsilon)) / Math.sqrt((v[i] as number) + epsilon)
      moved[i] = rho * (moved[i] as number) + (1 - rho) * move * move
      values[i] = value - learningRate * move
    }
  },
})
