export type { OptionalFeature } from "./device/features.ts"
export { type StartOptions, startWebgpu, type WebgpuDevice } from "./device/start.ts"
export {
  WebgpuDeviceError,
  type WebgpuDeviceErrorCode,
  WebgpuLimitError,
  type WebgpuLimitErrorCode,
  WebgpuOpsError,
  type WebgpuOpsErrorCode,
} from "./errors.ts"
export { keptTiles, type TileStore } from "./product/kept-tiles.ts"
export { areTiles, type ProductTiles, type Tile } from "./product/tiles.ts"
export { tuneProducts } from "./product/tune.ts"
export { createWebgpuAdamW, loadWebgpuOptimizer, type WebgpuAdamW } from "./training/adamw.ts"
export { createWebgpuOps, type WebgpuOpsOptions } from "./webgpu-ops.ts"
export type { WeightFormat } from "./weights/storage.ts"
