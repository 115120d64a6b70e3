import { checkArgument, checkGiven } from "../argument.ts"
import type { TrainState } from "./train-state.ts"
import { trainedModel } from "./trained-model.ts"

/** A run whose LLLite adds `factor` times what it has learned. So its strength 1 is this strength of the trained LLLite. */
export function scaleEffect(state: TrainState, factor: number): TrainState {
  checkGiven("training: the state", state, "optimizer", "createTrainState")
  checkArgument("training: the factor", factor, "a finite number")
  const model = trainedModel(state)
  const values = model.values.slice()
  for (const { offset, size } of model.slots.filter(({ name }) => name.startsWith("up."))) {
    for (let i = offset; i < offset + size; i++) values[i] = factor * (values[i] as number)
  }
  const { average: _, ema: __, ...run } = state
  return { ...run, model: { ...model, values } }
}
