export type { PngText, RgbImage } from "@lllite/core/image"
export type {
  AdapterHandle,
  AdapterHandleUse,
  CacheRunEvent,
  CacheRunOptions,
  ControlNetHandle,
  ControlNetHandleUse,
  DeviceMemory,
  GeneratedDeltas,
  GenerateRunEvent,
  GenerateRunOptions,
  LoadOptions,
  LoadProgress,
  LoadSdxlOptions,
  LoraHandle,
  LoraHandleUse,
  LoraSource,
  SdxlHandle,
  TrainRunEvent,
  TrainRunOptions,
  TrainRunStep,
  Validation,
  ValidationOptions,
} from "@lllite/core/runtime"
export { CoreError, type CoreErrorCode } from "@lllite/core/runtime"
export type { SavedRun } from "@lllite/core/training"
export { FormatError } from "@lllite/format"
export { WebRuntimeError, type WebRuntimeErrorCode } from "./errors.ts"
export { encodePng, writePng } from "./images/png.ts"
export { type PngInfo, readPngInfo } from "./images/png-text.ts"
export { type PictureSource, readImage } from "./images/read-image.ts"
export { offersFloat16 } from "./offers-float16.ts"
export {
  createWebRuntime,
  type PlanSdxlOptions,
  type WebLoadSdxlOptions,
  type WebRuntime,
  type WebRuntimeOptions,
  type WriteLlliteOptions,
} from "./runtime.ts"
export type { WebSource } from "./source.ts"
export type { AttemptOptions, WorkerLike } from "./start-worker.ts"
export { canStore, listStored, openStored, removeStored, type StoredFile, type StoredNote } from "./stored-files.ts"
export {
  type MemoryNeed,
  type SdxlPlan,
  type TrainNeed,
  type TrainNeedTask,
  WEB_BACKENDS,
  type WebBackend,
} from "./types.ts"
