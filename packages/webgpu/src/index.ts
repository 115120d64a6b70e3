export { type StartOptions, startWebgpu, type WebgpuDevice } from "./device/start.ts"
export { WebgpuDeviceError, WebgpuLimitError, WebgpuOpsError } from "./errors.ts"
export { createWebgpuOps, type WebgpuOpsOptions } from "./webgpu-ops.ts"
export type { WeightFormat } from "./weights/storage.ts"
