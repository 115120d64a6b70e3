import type { TensorInfo } from "@tensorflow/tfjs-core"
import { WebgpuOpsError } from "../errors.ts"
import type { Storage } from "../wgsl/module.ts"
import type { GuardedBackend } from "./backend.ts"
import type { BoundBuffer } from "./commands.ts"

/**
 * A new tensor without set values. Its dtype is float32. Its values may be stored in float16.
 *
 * @throws WebgpuLimitError if it is too large to bind
 */
export function createTensor(backend: GuardedBackend, shape: readonly number[], storage: Storage = "f32"): TensorInfo {
  backend.health.expectSound()
  const info = backend.makeTensorInfo([...shape], "float32")
  try {
    if (storage === "f16") backend.storeInHalf(info.dataId)
    else backend.uploadToGPU(info.dataId)
  } catch (error) {
    backend.disposeData(info.dataId, true)
    throw error
  }
  return info
}

/**
 * A tensor's buffer and its storage. It is uploaded if it is not on the device.
 *
 * @throws WebgpuOpsError for another dtype
 */
export function boundTo(backend: GuardedBackend, tensor: TensorInfo): BoundBuffer {
  return { buffer: bufferOf(backend, tensor), storage: storageOf(backend, tensor) }
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

/** Whether a tensor's dtype is float32. One that tfjs has cast from bool or int32 keeps its former values. */
export function isFloat32(backend: GuardedBackend, { dataId, dtype }: TensorInfo): boolean {
  return dtype === "float32" && backend.tensorMap.get(dataId).dtype === "float32"
}

/** How a tensor's values are stored. */
export function storageOf(backend: GuardedBackend, { dataId }: TensorInfo): Storage {
  return backend.isHalf(dataId) ? "f16" : "f32"
}

/** The storage of what is computed from several tensors alike: float16 if one of them has it. */
export function commonStorage(backend: GuardedBackend, tensors: readonly TensorInfo[]): Storage {
  return tensors.some((tensor) => storageOf(backend, tensor) === "f16") ? "f16" : "f32"
}
