import { defineOptimizer } from "./rule.ts"

/**
 * Gradient descent with momentum.
 *
 * Source: Sutskever et al. 2013, as `torch.optim.SGD` (defaults included).
 */
export const SGD = defineOptimizer({
  name: "sgd",
  options: {
    /** The share of the velocity that is kept. */
    momentum: { default: 0, min: 0, below: 1 },
    /** The share of a gradient that does not enter the velocity. */
    dampening: { default: 0, min: 0, max: 1 },
    /** Coupled: weightDecay times the parameter is added to its gradient. */
    weightDecay: { default: 0, min: 0 },
    /** Moves by the gradient and the velocity after it. */
    nesterov: { default: false },
  },
  lists: ({ values: { length } }, { momentum }) => ({ velocity: { length: momentum === 0 ? 0 : length } }),
  update({ values, gradients, learningRate, step, lists: { velocity }, settings }) {
    const { momentum, dampening, weightDecay, nesterov } = settings
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number
      let move = (gradients[i] as number) + weightDecay * value
      if (momentum !== 0) {
        // The first velocity is the gradient itself.
        const next = step === 1 ? move : momentum * (velocity[i] as number) + (1 - dampening) * move
        velocity[i] = next
        move = nesterov ? move + momentum * next : next
      }
      values[i] = value - learningRate * move
    }
  },
})
