import { defineOptimizer } from "./rule.ts"

/**
 * Prodigy: Adam that finds its step size `d` while it runs. The learning rate is a factor on `d`, usually 1.
 *
 * Source: Mishchenko & Defazio 2023 (arXiv:2306.06101), algorithm 4, as prodigyopt 1.1 (defaults included).
 */
export const PRODIGY = defineOptimizer({
  name: "prodigy",
  hasOneRate: true,
  options: {
    /** The decay rate of the gradient's running mean. */
    beta1: { default: 0.9, min: 0, below: 1 },
    /** The decay rate of the squared gradient's running mean. */
    beta2: { default: 0.999, min: 0, below: 1 },
    /** The decay rate of the sums that `d` is computed from. Default: the root of `beta2`. */
    beta3: { default: null, min: 0, below: 1 },
    /** Added to the root of the mean square, times `d`. */
    epsilon: { default: 1e-8, above: 0 },
    weightDecay: { default: 0, min: 0 },
    /** Weight decay shrinks the parameter. Otherwise it is added to the gradient. */
    decouple: { default: true },
    /** Divides by the share of the running means that is filled, as Adam does. */
    useBiasCorrection: { default: false },
    /** Leaves a warm-up of the learning rate out of the sum that `d` is divided by. */
    safeguardWarmup: { default: false },
    /** The first `d`. */
    d0: { default: 1e-6, above: 0 },
    /** A factor on the estimate of `d`. */
    dCoef: { default: 1, above: 0 },
    /** The largest factor between two values of `d`. Default: no limit. */
    growthRate: { default: null, min: 1 },
  },
  python: { betas: ["beta1", "beta2"], eps: "epsilon" },
  lists: ({ values: { length } }) => ({
    m: { length },
    v: { length },
    s: { length },
    start: { length, start: "values" },
  }),
  numbers: ({ d0 }) => ({ d: d0, largestD: d0, numerator: 0 }),
  update({ values, gradients, learningRate, step, lists: { m, v, s, start }, numbers, settings }) {
    const { beta1, beta2, epsilon, weightDecay, decouple, d0, dCoef, growthRate } = settings
    const beta3 = settings.beta3 ?? Math.sqrt(beta2)
    const correction = settings.useBiasCorrection ? Math.sqrt(1 - beta2 ** step) / (1 - beta1 ** step) : 1
    const { d } = numbers
    const rate = d * learningRate * correction
    const coupled = decouple ? 0 : weightDecay
    const sumFactor = (d / d0) * (settings.safeguardWarmup ? d : rate)
    let numerator = numbers.numerator * beta3
    let denominator = 0
    if (learningRate > 0) {
      for (let i = 0; i < values.length; i++) {
        const value = values[i] as number
        const gradient = (gradients[i] as number) + coupled * value
        numerator += (d / d0) * rate * gradient * ((start[i] as number) - value)
        m[i] = beta1 * (m[i] as number) + d * (1 - beta1) * gradient
        v[i] = beta2 * (v[i] as number) + d * d * (1 - beta2) * gradient * gradient
        s[i] = beta3 * (s[i] as number) + sumFactor * gradient
        denominator += Math.abs(s[i] as number)
      }
    }
    // There is nothing to move by yet.
    if (denominator === 0) return
    const estimate = (dCoef * numerator) / denominator
    const first = d === d0 ? Math.max(d, estimate) : d
    numbers.largestD = Math.max(numbers.largestD, estimate)
    numbers.d = growthRate === null ? numbers.largestD : Math.min(numbers.largestD, first * growthRate)
    numbers.numerator = numerator
    const shrink = decouple ? 1 - weightDecay * rate : 1
    for (let i = 0; i < values.length; i++) {
      const move = (m[i] as number) / (Math.sqrt(v[i] as number) + numbers.d * epsilon)
      values[i] = (values[i] as number) * shrink - rate * move
    }
  },
})
