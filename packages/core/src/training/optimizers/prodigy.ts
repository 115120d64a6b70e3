import type { ValuePart } from "../value-part.ts"
import { fileStrides } from "../value-part.ts"
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
    /**
     * `d` is computed from every nth value of each tensor, in the file's order. More than 1 takes less memory. It is then
     * an estimate.
     */
    sliceP: { default: 1, integer: true, min: 1, max: 1_000_000 },
  },
  python: { betas: ["beta1", "beta2"], eps: "epsilon" },
  lists: ({ values: { length }, parts }, { sliceP }) => {
    const slice = sliceP === 1 ? null : sliceOf(parts, sliceP)
    const sliced = slice === null ? length : slice.length
    return {
      m: { length },
      v: { length },
      s: { length: sliced },
      start: { length: sliced, start: slice ?? "values" },
    }
  },
  numbers: ({ d0 }) => ({ d: d0, largestD: d0, numerator: 0 }),
  update({ values, parts, gradients, learningRate, step, lists: { m, v, s, start }, numbers, settings }) {
    const { beta1, beta2, epsilon, weightDecay, decouple, d0, dCoef, growthRate, sliceP } = settings
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
        m[i] = beta1 * (m[i] as number) + d * (1 - beta1) * gradient
        v[i] = beta2 * (v[i] as number) + d * d * (1 - beta2) * gradient * gradient
      }
      const slice = sliceP === 1 ? null : sliceOf(parts, sliceP)
      for (let n = 0; n < s.length; n++) {
        const i = slice === null ? n : (slice[n] as number)
        const value = values[i] as number
        const gradient = (gradients[i] as number) + coupled * value
        numerator += (d / d0) * rate * gradient * ((start[n] as number) - value)
        s[n] = beta3 * (s[n] as number) + sumFactor * gradient
        denominator += Math.abs(s[n] as number)
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

/** The slice of a model's parts, which is the same at every update. */
const slices = new WeakMap<readonly ValuePart[], { readonly every: number; readonly indices: Int32Array }>()

/** Indices of every nth value of each part, counted in the file's order. */
function sliceOf(parts: readonly ValuePart[], every: number): Int32Array {
  const known = slices.get(parts)
  if (known?.every === every) return known.indices
  const indices = Int32Array.from(parts.flatMap((part) => indicesOf(part, every)))
  slices.set(parts, { every, indices })
  return indices
}

function indicesOf({ shape, offset, size, strides = fileStrides(shape) }: ValuePart, every: number): number[] {
  const inFile = fileStrides(shape)
  return Array.from({ length: Math.ceil(size / every) }, (_, n) =>
    shape.reduce(
      (index, length, axis) =>
        index + (Math.floor((n * every) / (inFile[axis] as number)) % length) * (strides[axis] as number),
      offset,
    ),
  )
}
