import type { Ops } from "@lllite/core"
import { createActivations } from "./activation.ts"
import { openGpu } from "./gpu.ts"

/**
 * Ops on TensorFlow.js' WebGPU backend: those of `base`, which must run on it, but for the verbs that have kernels
 * here. Load weights with the result's loader.
 *
 * The backend must have been started by `startWebgpu`, and be in use then and whenever an op runs.
 *
 * @throws WebgpuOpsError if it is not
 */
export function createWebgpuOps(base: Ops): Ops {
  const gpu = openGpu()
  return { ...base, ...createActivations(gpu) }
}
