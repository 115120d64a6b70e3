import { defineOptimizer } from "../rule.ts"

/**
 * RMSprop: gradients over the root of their mean square.
 *
 * Source: Tieleman & Hinton 2012, as `torch.optim.RMSprop` (defaults included).
 */
export const RMSPROP = defineOptimizer({
  name: "rmsprop",
  options: {
    /** The decay rate of the mean square. */
    alpha: { default: 0.99, min: 0, below: 1 },
    epsilon: { default: 1e-8, min: 0 },
    /** Coupled: weightDecay times the parameter is added to its gradient. */
    weightDecay: { default: 0, min: 0 },
    momentum: { default: 0, min: 0, below: 1 },
    /** Divides by the standard deviation. */
    centered: { default: false },
  },
  python: { eps: "epsilon" },
  lists: ({ values: { length } }, { momentum, centered }) => ({
    v: { length },
    m: { length: centered ? length : 0 },
    velocity: { length: momentum === 0 ? 0 : length },
  }),
  update({ values, gradients, learningRate, lists: { v, m, velocity }, settings }) {
    const { alpha, epsilon, weightDecay, momentum, centered } = settings
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number
      const gradient = (gradients[i] as number) + weightDecay * value
      let square = alpha * (v[i] as number) + (1 - alpha) * gradient * gradient
      v[i] = square
      if (centered) {
        const mean = (m[i] as number) + (1 - alpha) * (gradient - (m[i] as number))
        m[i] = mean
        square -= mean * mean
      }
      let move = gradient / (Math.sqrt(square) + epsilon)
      if (momentum !== 0) {
        move += momentum * (velocity[i] as number)
        velocity[i] = move
      }
      values[i] = value - learningRate * move
    }
  },
})
