import { RUNTIME_OPTIONS } from "../../model/runtime-options.ts"
import { DATASET } from "./dataset.ts"
import { LOSS } from "./loss.ts"
import { MODEL } from "./model.ts"
import { OTHER_TRAINERS } from "./other-trainers.ts"
import { OUTPUT, RUN } from "./output.ts"
import { RANKS } from "./ranks.ts"
import { OPTIMIZER, TRAINING } from "./training.ts"
import { WATCHING } from "./watching.ts"

/** All options of `train`, by sd-scripts' names. */
export const TRAIN_OPTIONS = {
  ...RUN,
  ...MODEL,
  ...DATASET,
  ...TRAINING,
  ...OPTIMIZER,
  ...LOSS,
  ...OUTPUT,
  ...WATCHING,
  ...RANKS,
  ...OTHER_TRAINERS,
  ...RUNTIME_OPTIONS,
}

/** The same by heading. */
export const TRAIN_GROUPS = [
  ["Options from a file", RUN],
  ["Model and LLLite", MODEL],
  ["Data set", DATASET],
  ["Training", TRAINING],
  ["Optimizer and learning rate", OPTIMIZER],
  ["Loss and timesteps", LOSS],
  ["Saving and metadata", OUTPUT],
  ["Watching the run", WATCHING],
  ["Several processes or machines", RANKS],
  ["Options of other trainers", OTHER_TRAINERS],
  ["Backend and precision", RUNTIME_OPTIONS],
] as const
