export { checkStorage } from "./check-storage.ts"
export type { OptionalFeature } from "./device/features.ts"
export { keptChecks } from "./device/kept-check.ts"
export { type MatrixSize, type StartOptions, startWebgpu, type WebgpuDevice } from "./device/start.ts"
export {
  type CheckedStart,
  type PathChecks,
  type PathProblem,
  startOnPaths,
  versionOf,
} from "./device/start-on-paths.ts"
export type { TextStore } from "./device/text-store.ts"
export {
  WebgpuDeviceError,
  type WebgpuDeviceErrorCode,
  WebgpuLimitError,
  type WebgpuLimitErrorCode,
  WebgpuOpsError,
  type WebgpuOpsErrorCode,
} from "./errors.ts"
export { checkHalf } from "./product/check-half.ts"
export { checkMatrices } from "./product/check-matrices.ts"
export { keptTiles } from "./product/kept-tiles.ts"
export { MATRIX_CANDIDATES, MATRIX_TILES, type MatrixTile } from "./product/matrix-tiles.ts"
export { areTiles, DEFAULT_TILES, type ProductTiles, type Tile } from "./product/tiles.ts"
export { tuneProducts } from "./product/tune.ts"
export { tuneMatrices } from "./product/tune-matrices.ts"
export { createWebgpuAdamW, loadWebgpuOptimizer, type WebgpuAdamW } from "./training/adamw.ts"
export { createWebgpuOps, type ProductPrecision, type WebgpuOpsOptions } from "./webgpu-ops.ts"
export type { WeightFormat } from "./weights/storage.ts"
