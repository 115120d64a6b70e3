import { defineOptimizer } from "./rule.ts"

/**
 * Lion: every value moves by the learning rate, in the direction of the sign of a mean.
 *
 * Source: Chen et al. 2023 (arXiv:2302.06675), algorithm 2, as lion-pytorch 0.2 (defaults included).
 */
export const LION = defineOptimizer({
  name: "lion",
  options: {
    /** The share of the running mean in the direction. */
    beta1: { default: 0.9, min: 0, below: 1 },
    /** The decay rate of the running mean. */
    beta2: { default: 0.99, min: 0, below: 1 },
    /** Decoupled: a parameter shrinks by learningRate · weightDecay. */
    weightDecay: { default: 0, min: 0 },
  },
  python: { betas: ["beta1", "beta2"] },
  lists: ({ values: { length } }) => ({ m: { length } }),
  update({ values, gradients, learningRate, lists: { m }, settings: { beta1, beta2, weightDecay } }) {
    for (let i = 0; i < values.length; i++) {
      const [gradient, mean] = [gradients[i] as number, m[i] as number]
      const direction = Math.sign(beta1 * mean + (1 - beta1) * gradient)
      values[i] = (values[i] as number) * (1 - learningRate * weightDecay) - learningRate * direction
      m[i] = beta2 * mean + (1 - beta2) * gradient
    }
  },
})
