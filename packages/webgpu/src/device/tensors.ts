import type { TensorInfo } from "@tensorflow/tfjs-core"
import { WebgpuOpsError } from "../errors.ts"
import type { GuardedBackend } from "./backend.ts"

/** A new float32 tensor without set values. @throws WebgpuLimitError if it is too large to bind */
export function createTensor(backend: GuardedBackend, shape: readonly number[]): TensorInfo {
  backend.health.expectSound()
  const info = backend.makeTensorInfo([...shape], "float32")
  try {
    backend.uploadToGPU(info.dataId)
  } catch (error) {
    backend.disposeData(info.dataId, true)
    throw error
  }
  return info
}

/** The buffer of a tensor, which is uploaded if it is not on the device. @throws WebgpuOpsError for another dtype */
export function bufferOf(backend: GuardedBackend, tensor: TensorInfo): GPUBuffer {
  const { dtype } = tensor
  if (dtype !== "float32") throw new WebgpuOpsError("dtype", `a tensor is ${dtype}, expected float32`)
  if (!isFloat32(backend, tensor)) {
    const held = backend.tensorMap.get(tensor.dataId).dtype
    throw new WebgpuOpsError(
      "dtype",
      `a tensor was cast from ${held} and still has ${held} values, expected float32. Multiply it by 1 before.`,
    )
  }
  backend.uploadToGPU(tensor.dataId)
  return backend.tensorMap.get(tensor.dataId).resource as GPUBuffer
}

/** Whether a tensor's values are float32. One that tfjs has cast from bool or int32 keeps its former values. */
export function isFloat32(backend: GuardedBackend, { dataId, dtype }: TensorInfo): boolean {
  return dtype === "float32" && backend.tensorMap.get(dataId).dtype === "float32"
}
