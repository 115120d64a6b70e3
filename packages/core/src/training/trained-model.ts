import type { TrainState } from "./train-state.ts"
import type { TrainableModel } from "./trainable.ts"

/** The model that a run has found. It is what a file gets: the average, for an optimiser that has one. */
export function trainedModel<M extends TrainableModel>({
  model,
  average,
}: Pick<TrainState<M>, "model" | "average">): M {
  return average === undefined ? model : { ...model, values: average }
}
