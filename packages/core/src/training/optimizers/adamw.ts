import { checkRanges } from "../../number-range.ts"
import { TRAIN_RANGES } from "../ranges.ts"
import type { OptimizerNumbers, OptimizerRule } from "./optimizer.ts"
import { expectGradients, expectStateOf, stateTensor } from "./optimizer.ts"

const OPTIONS = {
  /** The decay rate of the gradient's running mean. */
  beta1: { default: 0.9, min: 0, below: 1 },
  /** The decay rate of the squared gradient's running mean. */
  beta2: { default: 0.999, min: 0, below: 1 },
  /** Added to the root of the mean square. */
  epsilon: { default: 1e-8, min: 0 },
  /** Decoupled: a parameter shrinks by learningRate · weightDecay, independent of its gradient. */
  weightDecay: { default: 0.01, min: 0 },
} as const

export type AdamWNumbers = OptimizerNumbers<typeof OPTIONS>

/**
 * AdamW. Each value is computed in float64 and rounded to float32 when stored. The bias correction depends on the
 * number of updates, so a run has no drift.
 *
 * Source: Loshchilov & Hutter 2019 (arXiv:1711.05101), algorithm 2, as `torch.optim.AdamW` (defaults included).
 */
export const ADAMW: OptimizerRule<typeof OPTIONS> = {
  name: "adamw",
  options: OPTIONS,

  init: (length) => ({
    name: "adamw",
    step: 0,
    tensors: { m: new Float32Array(length), v: new Float32Array(length) },
  }),

  load(values, state, numbers) {
    expectStateOf("adamw", state)
    const [m, v] = [stateTensor(state, "m", values.length), stateTensor(state, "v", values.length)]
    let { step } = state
    return {
      step(gradients, learningRate) {
        expectGradients("adamw", gradients, values.length)
        const factors = adamWFactors(step + 1, learningRate, numbers)
        step += 1
        const { beta1, beta2, epsilon, decay, stepSize, correction } = factors
        for (let i = 0; i < values.length; i++) {
          const gradient = gradients[i] as number
          const mean = (m[i] as number) + (1 - beta1) * (gradient - (m[i] as number))
          const square = beta2 * (v[i] as number) + (1 - beta2) * gradient * gradient
          m[i] = mean
          v[i] = square
          values[i] = decay * (values[i] as number) - (stepSize * mean) / (Math.sqrt(square) / correction + epsilon)
        }
      },
      save: () => ({ name: "adamw", step, tensors: { m, v } }),
      dispose() {},
    }
  },
}

/** The factors of one update, which are the same for every value. */
export interface AdamWFactors {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  /** The factor on the parameter. */
  readonly decay: number
  /** The factor on the mean over the root of the square: the learning rate over the mean's bias correction. */
  readonly stepSize: number
  /** The divisor of the root of the square. */
  readonly correction: number
}

/**
 * The factors of an update.
 *
 * @param step the update's number, from 1
 * @throws CoreError when the learning rate is out of range
 */
export function adamWFactors(step: number, learningRate: number, numbers: AdamWNumbers): AdamWFactors {
  checkRanges('optimizer "adamw"', { learningRate }, { learningRate: TRAIN_RANGES.learningRate })
  const { beta1, beta2, epsilon, weightDecay } = numbers
  return {
    ...{ beta1, beta2, epsilon },
    decay: 1 - learningRate * weightDecay,
    stepSize: learningRate / (1 - beta1 ** step),
    correction: Math.sqrt(1 - beta2 ** step),
  }
}
