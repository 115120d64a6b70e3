import type { OptimizedModel } from "../rule.ts"

/** Options that all schedule-free optimisers have. */
export const SCHEDULE_FREE_OPTIONS = {
  /** Added, times the value, to the normalised gradient. */
  weightDecay: { default: 0, min: 0 },
  /** The power of the update's number in its weight. */
  r: { default: 0, min: -10, max: 10 },
  /** The power of the largest learning rate so far in an update's weight. */
  weightLrPower: { default: 2, min: 0, max: 10 },
} as const

/** Updates with a rising learning rate at the beginning. */
export const WARMUP_STEPS = { warmupSteps: { default: 0, integer: true, min: 0 } } as const

/** The numbers that all schedule-free optimisers keep. */
export const scheduleFreeNumbers = (): { readonly weightSum: number; readonly largestRate: number } => ({
  weightSum: 0,
  largestRate: -1,
})

/**
 * The share of the newest point in the average, after an update.
 *
 * Source: Defazio et al. 2024 (arXiv:2405.15682), algorithm 1.
 *
 * @param numbers the sum of all weights and the largest learning rate, which it changes
 */
export function averageShare(
  numbers: { weightSum: number; largestRate: number },
  step: number,
  rate: number,
  { r, weightLrPower }: { readonly r: number; readonly weightLrPower: number },
): number {
  numbers.largestRate = Math.max(rate, numbers.largestRate)
  const weight = step ** r * numbers.largestRate ** weightLrPower
  numbers.weightSum += weight
  return numbers.weightSum === 0 ? 0 : weight / numbers.weightSum
}

/**
 * Moves one value `y` and its point `z`.
 *
 * @param share the share of `z` in the average
 */
export function moveValue(
  values: Float32Array,
  z: Float32Array,
  i: number,
  gradient: number,
  { rate, momentum, share }: { readonly rate: number; readonly momentum: number; readonly share: number },
): void {
  const [value, point] = [values[i] as number, z[i] as number]
  values[i] = value + share * (point - value) + rate * (momentum * (1 - share) - 1) * gradient
  z[i] = point - rate * gradient
}

/** The average `x`, from the values `y` that train: y is between z and x. */
export function averageOf({ values }: OptimizedModel, z: Float32Array, momentum: number): Float32Array {
  return values.map((value, i) => value + (1 - 1 / momentum) * ((z[i] as number) - value))
}
