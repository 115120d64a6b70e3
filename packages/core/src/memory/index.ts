/**
 * What a task holds in memory, planned before anything is loaded.
 *
 * @module
 * @experimental
 */
export { letStop, type StopOptions } from "../models/steps.ts"
export { COMPOSED_FOOTPRINT } from "./composed-footprint.ts"
export { gpuVaeBytes, WASM_BYTES, WASM_VAE_BYTES } from "./limits.ts"
export { measureShortened } from "./measure-shortened.ts"
export { measureTraining, type TrainingTimes } from "./measure-training.ts"
export type { Holding, Work } from "./outline-backend.ts"
export type { OutlineNorm, OutlineOptions } from "./outline-ops.ts"
export {
  type Footprint,
  type MemoryPhase,
  type MemoryPlan,
  type MemoryTask,
  planMemory,
} from "./plan.ts"
export { sdxlOutline } from "./sdxl-outline.ts"
export { largestEntry } from "./shortened-unet.ts"
export { measureSpeed, type Speed } from "./speed.ts"
export { chooseVaeParts, chooseVaeSlices, vaeBytes } from "./vae-slices.ts"
