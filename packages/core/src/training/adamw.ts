import { CoreError } from "../errors.ts"

/** What AdamW remembers about one flat parameter. Saved and restored as it is, a run continues bit for bit. */
export interface AdamWState {
  /** How many updates were made. */
  step: number
  /** Running mean of the gradient. */
  readonly m: Float32Array
  /** Running mean of the squared gradient. */
  readonly v: Float32Array
}

export interface AdamWOptions {
  readonly learningRate: number
  /** Default 0.9. */
  readonly beta1?: number
  /** Default 0.999. */
  readonly beta2?: number
  /** Default 1e-8. */
  readonly epsilon?: number
  /** Decoupled: the parameter shrinks by learningRate * weightDecay, whatever its gradient. Default 0.01. */
  readonly weightDecay?: number
}

/** The state before the first update of a parameter of `length` values. */
export function createAdamWState(length: number): AdamWState {
  return { step: 0, m: new Float32Array(length), v: new Float32Array(length) }
}

/**
 * One update, in place: `parameters` and `state` change, `gradients` does not. Each value is computed in float64 and
 * rounded to float32 when stored; the bias correction comes from the integer step, so nothing drifts over a run.
 *
 * Source: Loshchilov & Hutter 2019 (arXiv:1711.05101), algorithm 2, as `torch.optim.AdamW` (defaults included).
 *
 * @throws CoreError when the arrays differ in length, or an option is out of range.
 */
export function stepAdamW(
  parameters: Float32Array,
  gradients: Float32Array,
  state: AdamWState,
  options: AdamWOptions,
): void {
  const { m, v } = state
  for (const [name, array] of Object.entries({ gradients, "state.m": m, "state.v": v })) {
    if (array.length !== parameters.length) {
      throw new CoreError(`AdamW: ${name} has ${array.length} values, the parameters have ${parameters.length}`)
    }
  }
  const { beta1, beta2, epsilon, decay, stepSize, correction } = adamWFactors(state.step + 1, options)
  state.step += 1
  for (let i = 0; i < parameters.length; i++) {
    const gradient = gradients[i] as number
    const mean = (m[i] as number) + (1 - beta1) * (gradient - (m[i] as number))
    const square = beta2 * (v[i] as number) + (1 - beta2) * gradient * gradient
    m[i] = mean
    v[i] = square
    parameters[i] = decay * (parameters[i] as number) - (stepSize * mean) / (Math.sqrt(square) / correction + epsilon)
  }
}

/** What one update multiplies by, the same for every value. */
export interface AdamWFactors {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  /** Of the parameter. */
  readonly decay: number
  /** Of the mean over the root of the square: the learning rate over the mean's bias correction. */
  readonly stepSize: number
  /** What the root of the square is divided by. */
  readonly correction: number
}

/**
 * The factors of an update, with defaults filled in.
 *
 * @param step the update's number, from 1
 * @throws CoreError when an option is out of range
 */
export function adamWFactors(step: number, options: AdamWOptions): AdamWFactors {
  const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01 } = options
  for (const [name, value] of Object.entries({ learningRate, epsilon, weightDecay })) {
    if (!(value >= 0)) throw new CoreError(`AdamW: ${name} must be 0 or more, got ${value}`)
  }
  for (const [name, value] of Object.entries({ beta1, beta2 })) {
    if (!(value >= 0 && value < 1)) throw new CoreError(`AdamW: ${name} must be in [0, 1), got ${value}`)
  }
  return {
    ...{ beta1, beta2, epsilon },
    decay: 1 - learningRate * weightDecay,
    stepSize: learningRate / (1 - beta1 ** step),
    correction: Math.sqrt(1 - beta2 ** step),
  }
}
