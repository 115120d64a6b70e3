import { checkArgument, checkArguments } from "../../argument.ts"
import { checkRanges } from "../../number-range.ts"
import { TRAIN_RANGES } from "../ranges.ts"
import type { OptimizerSettings } from "./options.ts"
import type { OptimizerUpdate } from "./rule.ts"
import { defineOptimizer } from "./rule.ts"

const OPTIONS = {
  /** The decay rate of the gradient's running mean. */
  beta1: { default: 0.9, min: 0, below: 1 },
  /** The decay rate of the squared gradient's running mean. */
  beta2: { default: 0.999, min: 0, below: 1 },
  /** Added to the root of the mean square. */
  epsilon: { default: 1e-8, min: 0 },
  /** The largest mean square so far replaces the present one (Reddi et al. 2018). */
  amsgrad: { default: false },
} as const

const ADAMW_OPTIONS = {
  ...OPTIONS,
  /** Decoupled: a parameter shrinks by learningRate · weightDecay, independent of its gradient. */
  weightDecay: { default: 0.01, min: 0 },
} as const

const ADAM_OPTIONS = {
  ...OPTIONS,
  /** Coupled: weightDecay times the parameter is added to its gradient. */
  weightDecay: { default: 0, min: 0 },
} as const

export type AdamWSettings = OptimizerSettings<typeof ADAMW_OPTIONS>

const python = { betas: ["beta1", "beta2"], eps: "epsilon" } as const

/**
 * AdamW. Each value is computed in float64 and rounded to float32 when stored. The bias correction depends on the
 * number of updates, so a run has no drift.
 *
 * Source: Loshchilov & Hutter 2019 (arXiv:1711.05101), algorithm 2, as `torch.optim.AdamW` (defaults included).
 */
export const ADAMW = defineOptimizer({
  name: "adamw",
  options: ADAMW_OPTIONS,
  python,
  lists: ({ values: { length } }, { amsgrad }) => lists(length, amsgrad),
  update: (update) => step(update, 0),
})

/**
 * Adam.
 *
 * Source: Kingma & Ba 2015 (arXiv:1412.6980), algorithm 1, as `torch.optim.Adam` (defaults included).
 */
export const ADAM = defineOptimizer({
  name: "adam",
  options: ADAM_OPTIONS,
  python,
  lists: ({ values: { length } }, { amsgrad }) => lists(length, amsgrad),
  update: (update) => {
    const { weightDecay } = update.settings
    step({ ...update, settings: { ...update.settings, weightDecay: 0 } }, weightDecay)
  },
})

function lists(length: number, amsgrad: boolean): Record<"m" | "v" | "largestV", { readonly length: number }> {
  return { m: { length }, v: { length }, largestV: { length: amsgrad ? length : 0 } }
}

/** @param coupled the factor on the parameter that is added to its gradient */
function step(
  update: OptimizerUpdate<typeof ADAMW_OPTIONS, "m" | "v" | "largestV", never, never>,
  coupled: number,
): void {
  const { values, gradients, settings } = update
  const { m, v, largestV } = update.lists
  const { beta1, beta2, epsilon, decay, stepSize, correction } = adamWFactors(
    update.step,
    update.learningRate,
    settings,
  )
  const { amsgrad } = settings
  const [newMean, newSquare] = [1 - beta1, 1 - beta2]
  const count = values.length
  // Two loops, since one with a branch for `largestV` takes twice the time.
  if (amsgrad) {
    for (let i = 0; i < count; i++) {
      const value = values[i] as number
      const oldMean = m[i] as number
      const gradient = (gradients[i] as number) + coupled * value
      const mean = oldMean + newMean * (gradient - oldMean)
      const square = beta2 * (v[i] as number) + newSquare * gradient * gradient
      const largest = Math.max(square, largestV[i] as number)
      m[i] = mean
      v[i] = square
      largestV[i] = largest
      values[i] = decay * value - (stepSize * mean) / (Math.sqrt(largest) / correction + epsilon)
    }
    return
  }
  for (let i = 0; i < count; i++) {
    const value = values[i] as number
    const oldMean = m[i] as number
    const gradient = (gradients[i] as number) + coupled * value
    const mean = oldMean + newMean * (gradient - oldMean)
    const square = beta2 * (v[i] as number) + newSquare * gradient * gradient
    m[i] = mean
    v[i] = square
    values[i] = decay * value - (stepSize * mean) / (Math.sqrt(square) / correction + epsilon)
  }
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
export function adamWFactors(
  step: number,
  learningRate: number,
  settings: Omit<AdamWSettings, "amsgrad">,
): AdamWFactors {
  checkRanges("adamw", { step: step ?? Number.NaN }, { step: { integer: true, min: 1 } })
  checkArgument("optimizer: the settings", settings, "an object")
  const { beta1, beta2, epsilon, weightDecay } = settings
  checkArguments("adamw", "a finite number", { beta1, beta2, epsilon, weightDecay })
  checkRanges('optimizer "adamw"', { learningRate }, { learningRate: TRAIN_RANGES.learningRate })
  return {
    ...{ beta1, beta2, epsilon },
    decay: 1 - learningRate * weightDecay,
    stepSize: learningRate / (1 - beta1 ** step),
    correction: Math.sqrt(1 - beta2 ** step),
  }
}
