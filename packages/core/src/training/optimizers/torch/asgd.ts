import { defineOptimizer } from "../rule.ts"

/**
 * Averaged gradient descent. The average is kept, and not used, as in `torch`.
 *
 * Source: Polyak & Juditsky 1992, as `torch.optim.ASGD` (defaults included).
 */
export const ASGD = defineOptimizer({
  name: "asgd",
  hasOneRate: true,
  options: {
    /** The decay of values and of the step size. */
    lambd: { default: 1e-4, min: 0 },
    /** The power of the step size's decay. */
    alpha: { default: 0.75, min: 0 },
    /** The update at which averaging begins. */
    t0: { default: 1e6, min: 0 },
    /** Coupled: weightDecay times the parameter is added to its gradient. */
    weightDecay: { default: 0, min: 0 },
  },
  lists: ({ values: { length } }) => ({ mean: { length } }),
  update({ values, gradients, learningRate, step, lists: { mean }, settings }) {
    const { lambd, alpha, t0, weightDecay } = settings
    // `torch` sets both after an update, for the next one. The first has the learning rate itself.
    const before = step - 1
    const rate = before === 0 ? learningRate : learningRate / (1 + lambd * learningRate * before) ** alpha
    const share = before === 0 ? 1 : 1 / Math.max(1, before - t0)
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number
      const gradient = (gradients[i] as number) + weightDecay * value
      const next = value * (1 - lambd * rate) - rate * gradient
      values[i] = next
      mean[i] = share === 1 ? next : (mean[i] as number) + share * (next - (mean[i] as number))
    }
  },
})
