import { defineOptimizer } from "../rule.ts"

/**
 * Adam with Nesterov's momentum.
 *
 * Source: Dozat 2016, as `torch.optim.NAdam` (defaults included).
 */
export const NADAM = defineOptimizer({
  name: "nadam",
  options: {
    beta1: { default: 0.9, min: 0, below: 1 },
    beta2: { default: 0.999, min: 0, below: 1 },
    epsilon: { default: 1e-8, min: 0 },
    weightDecay: { default: 0, min: 0 },
    /** How fast the momentum rises to `beta1`. */
    momentumDecay: { default: 0.004, min: 0 },
    /** Weight decay shrinks the parameter. Otherwise it is added to the gradient. */
    decoupledWeightDecay: { default: false },
  },
  python: { betas: ["beta1", "beta2"], eps: "epsilon" },
  lists: ({ values: { length } }) => ({ m: { length }, v: { length } }),
  numbers: () => ({ momentumProduct: 1 }),
  update({ values, gradients, learningRate, step, lists: { m, v }, numbers, settings }) {
    const { beta1, beta2, epsilon, weightDecay, momentumDecay, decoupledWeightDecay } = settings
    const momentumAt = (step: number): number => beta1 * (1 - 0.5 * 0.96 ** (step * momentumDecay))
    const [momentum, next] = [momentumAt(step), momentumAt(step + 1)]
    numbers.momentumProduct *= momentum
    const fresh = (learningRate * (1 - momentum)) / (1 - numbers.momentumProduct)
    const kept = (learningRate * next) / (1 - numbers.momentumProduct * next)
    const [coupled, shrink] = decoupledWeightDecay ? [0, 1 - learningRate * weightDecay] : [weightDecay, 1]
    const correction = 1 - beta2 ** step
    for (let i = 0; i < values.length; i++) {
      const value = (values[i] as number) * shrink
      const gradient = (gradients[i] as number) + coupled * value
      m[i] = (m[i] as number) + (1 - beta1) * (gradient - (m[i] as number))
      v[i] = beta2 * (v[i] as number) + (1 - beta2) * gradient * gradient
      const root = Math.sqrt((v[i] as number) / correction) + epsilon
      values[i] = value - (fresh * gradient + kept * (m[i] as number)) / root
    }
  },
})
