export { type ArgumentKind, checkArgument, checkOptions, type OptionKinds, valueText } from "../argument.ts"
export * from "../channel/index.ts"
export { CoreError, type CoreErrorCode } from "../errors.ts"
export { WASM_BYTES } from "../memory/limits.ts"
export { DivergedError } from "../training/diverged-error.ts"
export { trainedModel } from "../training/trained-model.ts"
export * from "./contract.ts"
export { type Clients, createRuntime, type PlacedRuntime, type RuntimeParts } from "./create-runtime.ts"
export { memoryError } from "./memory-error.ts"
export { LOAD_KINDS, LOAD_SDXL_KINDS } from "./option-kinds.ts"
export { type ComputePart, createPartPool, type PartPool, type PoolHelp } from "./part-pool.ts"
export type {
  RuntimeTasks,
  RuntimeTypes,
  SentAdapterUse,
  SentControlNetUse,
  SentGenerateOptions,
  SentLoraUse,
  SentModel,
  SentTrainOptions,
} from "./tasks.ts"
export * from "./train-help.ts"
