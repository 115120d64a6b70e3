import { checkGiven } from "../argument.ts"
import type { TrainState } from "./train-state.ts"
import type { TrainableModel } from "./trainable.ts"

/** The model that a run has found. It is what a file gets: the average, for a run or an optimiser that has one. */
export function trainedModel<M extends TrainableModel>(state: Pick<TrainState<M>, "model" | "average" | "ema">): M {
  checkGiven("training: the state", state, "model", "createTrainState")
  const { model, average, ema = average } = state
  return ema === undefined ? model : { ...model, values: ema }
}
