import { CoreError } from "../../errors.ts"

/** The state of an optimiser between two updates, as data. With the saved state, a run continues bit for bit. */
export interface OptimizerState {
  /** The name of the optimiser. */
  readonly name: string
  /** The number of updates. */
  readonly step: number
  /** Its lists by name, such as AdamW's `m` and `v`. Before the first update there are none. */
  readonly tensors: Readonly<Record<string, Float32Array | Uint8Array>>
  /** Its numbers by name, such as Prodigy's `d`. Default: none. */
  readonly numbers?: Readonly<Record<string, number>>
}

/** An optimiser of one flat list of values. It may compute in another thread, or on a device. */
export interface Optimizer {
  /**
   * One update. It changes the values in place, and keeps the gradients.
   *
   * @param momentum replaces `beta1` or `momentum` in this update; see `withMomentum`. Default: the optimiser's own
   * @throws CoreError when there is not one gradient for each value
   */
  step(gradients: Float32Array, learningRate: number, momentum?: number): void | Promise<void>
  /** The state after the last update. It is valid until the next one. */
  save(): OptimizerState | Promise<OptimizerState>
  /**
   * The values that a finished model has, as a new list. Default: those that train. Schedule-free optimisers train at
   * other points than the average that they find.
   */
  average?(): Float32Array | Promise<Float32Array>
  /** The factor on the learning rate that the optimiser has found: Prodigy's `d`. Default: it finds none. */
  rateFactor?(): number
  /** Frees its memory in other threads or on a device. */
  dispose(): void
}

/** Checks whose state it is. @throws CoreError when another optimiser made it */
export function expectStateOf(name: string, state: OptimizerState): void {
  if (state.name === name) return
  throw new CoreError(
    "optimizer-state",
    `optimizer "${name}": the state is of "${state.name}". Continue with that one, or start anew.`,
  )
}

/** @throws CoreError when there is not one gradient for each value */
export function expectGradients(name: string, gradients: Float32Array, length: number): void {
  if (gradients.length === length) return
  throw new CoreError(
    "gradient-count",
    `optimizer "${name}": ${gradients.length} gradients, expected one for each of ${length} values`,
  )
}
