export { WebRuntimeError } from "./errors.ts"
export {
  createWebRuntime,
  type LoadOptions,
  type LoadSdxlOptions,
  type TrainRunEvent,
  type WebGenerateOptions,
  type WebRuntime,
  type WebRuntimeOptions,
  type WebSdxl,
  type WebTrainOptions,
  type WriteLlliteOptions,
} from "./runtime.ts"
export type { WebSource } from "./source.ts"
export type { AttemptOptions, WorkerLike } from "./start-worker.ts"
export { canStore, listStored, removeStored, type StoredFile, type StoredNote } from "./stored-files.ts"
export {
  type DeviceMemory,
  type GenerateRunEvent,
  type LoadProgress,
  type MemoryNeed,
  type SentGenerateOptions,
  type SentTrainOptions,
  type TrainStep,
  WEB_BACKENDS,
  type WebAdapterUse,
  type WebBackend,
} from "./tasks.ts"
