import type { DivergedErrorCode } from "../errors.ts"
import { CoreError } from "../errors.ts"
import type { LlliteModel } from "../models/lllite/layout.ts"
import type { TrainState } from "./train-state.ts"
import type { TrainableModel } from "./trainable.ts"

/** A training run diverged or could not be computed, and has ended. The run before the failed step is kept. */
export class DivergedError<M extends TrainableModel = LlliteModel> extends CoreError<DivergedErrorCode> {
  static override readonly kind = "DivergedError"
  override readonly name = "DivergedError"
  /**
   * The run after the last good step, to save or to continue. All its weights are finite. With `weights-not-finite` the
   * optimiser has already taken the gradient of the failed step.
   */
  readonly state: TrainState<M>

  constructor(code: DivergedErrorCode, message: string, state: TrainState<M>, options?: ErrorOptions) {
    super(code, message, options)
    this.state = state
  }
}
