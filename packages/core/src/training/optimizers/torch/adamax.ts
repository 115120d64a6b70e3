import { defineOptimizer } from "../rule.ts"

/**
 * Adam with the largest gradient in the place of the root mean square.
 *
 * Source: Kingma & Ba 2015 (arXiv:1412.6980), algorithm 2, as `torch.optim.Adamax` (defaults included).
 */
export const ADAMAX = defineOptimizer({
  name: "adamax",
  options: {
    beta1: { default: 0.9, min: 0, below: 1 },
    beta2: { default: 0.999, min: 0, below: 1 },
    epsilon: { default: 1e-8, min: 0 },
    /** Coupled: weightDecay times the parameter is added to its gradient. */
    weightDecay: { default: 0, min: 0 },
  },
  python: { betas: ["beta1", "beta2"], eps: "epsilon" },
  lists: ({ values: { length } }) => ({ m: { length }, largest: { length } }),
  update({ values, gradients, learningRate, step, lists: { m, largest }, settings }) {
    const { beta1, beta2, epsilon, weightDecay } = settings
    const rate = learningRate / (1 - beta1 ** step)
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number
      const gradient = (gradients[i] as number) + weightDecay * value
      m[i] = (m[i] as number) + (1 - beta1) * (gradient - (m[i] as number))
      largest[i] = Math.max(beta2 * (largest[i] as number), Math.abs(gradient) + epsilon)
      values[i] = value - (rate * (m[i] as number)) / (largest[i] as number)
    }
  },
})
