// Tables of options: names, values and help. Loads no TensorFlow.js.

export { nearest } from "@lllite/core/names"
export {
  bucketStepProblem,
  DATASET_OPTIONS,
  GROUP_OPTIONS,
  resolutionProblem,
  SUBSET_OPTIONS,
} from "../dataset/dataset-options.ts"
export {
  looksLikeJson,
  parseJson,
  parseToml,
  readSettingsText,
  type SettingsText,
  type Toml,
  type TomlValue,
  tomlText,
} from "../settings-file/index.ts"
export {
  choice,
  file,
  flag,
  folder,
  integer,
  number,
  numbers,
  pixels,
  type Range,
  type StepCount,
  seed,
  steps,
  text,
  texts,
} from "./kinds.ts"
export { isLoopback } from "./loopback.ts"
export {
  type AnyOption,
  asksForNothing,
  belongsTo,
  ignored,
  type OptionKind,
  type OptionTable,
  type Reading,
  refused,
  type Settings,
  type TakenOption,
  taken,
  type WrongPart,
} from "./option.ts"
export { describeProblems, type Problem, problemsOf } from "./problems.ts"
export {
  findOption,
  joinLayers,
  type Layer,
  type OptionEntry,
  type OptionReader,
  type OptionSource,
  optionName,
  readLayer,
  type SettingName,
} from "./read.ts"
