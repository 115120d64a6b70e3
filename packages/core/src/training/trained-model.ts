import type { TrainState } from "./train-state.ts"
import type { TrainableModel } from "./trainable.ts"

/** The model that a run has found. It is what a file gets: the average, for a run or an optimiser that has one. */
export function trainedModel<M extends TrainableModel>({
  model,
  average,
  ema = average,
}: Pick<TrainState<M>, "model" | "average" | "ema">): M {
  return ema === undefined ? model : { ...model, values: ema }
}
