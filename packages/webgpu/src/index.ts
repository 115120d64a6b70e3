export { type StartOptions, startWebgpu, type WebgpuDevice } from "./device/start.ts"
export { WebgpuDeviceError, WebgpuLimitError, WebgpuOpsError } from "./errors.ts"
export { createWebgpuOps } from "./webgpu-ops.ts"
