import { defineOptimizer } from "../rule.ts"

/**
 * The factor on Adam's first steps, or null as long as the mean square has too few gradients to divide by.
 *
 * Source: Liu et al. 2020 (arXiv:1908.03265), algorithm 2.
 *
 * @param least the number of gradients, as the paper counts them, that is too few: `torch` has 5, schedule-free 4
 */
export function rectification(step: number, beta2: number, least: number): number | null {
  const most = 2 / (1 - beta2) - 1
  const count = most - (2 * step * beta2 ** step) / (1 - beta2 ** step)
  if (count <= least) return null
  return Math.sqrt(((count - 4) * (count - 2) * most) / ((most - 4) * (most - 2) * count))
}

/**
 * Rectified Adam: the first steps are those of momentum alone.
 *
 * Source: Liu et al. 2020 (arXiv:1908.03265), as `torch.optim.RAdam` (defaults included).
 */
export const RADAM = defineOptimizer({
  name: "radam",
  options: {
    beta1: { default: 0.9, min: 0, below: 1 },
    beta2: { default: 0.999, min: 0, below: 1 },
    epsilon: { default: 1e-8, min: 0 },
    weightDecay: { default: 0, min: 0 },
    /** Weight decay shrinks the parameter. Otherwise it is added to the gradient. */
    decoupledWeightDecay: { default: false },
  },
  python: { betas: ["beta1", "beta2"], eps: "epsilon" },
  lists: ({ values: { length } }) => ({ m: { length }, v: { length } }),
  update({ values, gradients, learningRate, step, lists: { m, v }, settings }) {
    const { beta1, beta2, epsilon, weightDecay, decoupledWeightDecay } = settings
    const rectified = rectification(step, beta2, 5)
    const [coupled, shrink] = decoupledWeightDecay ? [0, 1 - learningRate * weightDecay] : [weightDecay, 1]
    const correction = Math.sqrt(1 - beta2 ** step)
    for (let i = 0; i < values.length; i++) {
      const value = (values[i] as number) * shrink
      const gradient = (gradients[i] as number) + coupled * value
      m[i] = (m[i] as number) + (1 - beta1) * (gradient - (m[i] as number))
      v[i] = beta2 * (v[i] as number) + (1 - beta2) * gradient * gradient
      const scale = rectified === null ? 1 : (rectified * correction) / (Math.sqrt(v[i] as number) + epsilon)
      values[i] = value - learningRate * ((m[i] as number) / (1 - beta1 ** step)) * scale
    }
  },
})
