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

/** New tensors of one shape in one buffer, all of which a kernel binds to write them. */
export interface TensorParts {
  readonly infos: readonly TensorInfo[]
  readonly whole: BoundBuffer
  /** Values from the beginning of one tensor to that of the next one. */
  readonly each: number
}

/**
 * New tensors of one shape without set values, as parts of one buffer.
 *
 * @throws WebgpuLimitError if all together are too large to bind
 */
export function createParts(
  backend: GuardedBackend,
  shape: readonly number[],
  count: number,
  storage: Storage,
): TensorParts {
  backend.health.expectSound()
  const infos = Array.from({ length: count }, () => backend.makeTensorInfo([...shape], "float32"))
  const dataIds = infos.map(({ dataId }) => dataId)
  try {
    const { buffer, each } = backend.storeTogether(dataIds, storage)
    return { infos, whole: { buffer, storage }, each }
  } catch (error) {
    for (const dataId of dataIds) backend.disposeData(dataId, true)
    throw error
  }
}

/**
 * A tensor's buffer, or its part of one, and its storage. It is uploaded if it is not on the device.
 *
 * @throws WebgpuOpsError for another dtype
 */
export function boundTo(backend: GuardedBackend, tensor: TensorInfo): BoundBuffer {
  return { buffer: bufferOf(backend, tensor), storage: storageOf(backend, tensor), ...backend.partOf(tensor.dataId) }
}

/** The buffer in which a tensor is. It is uploaded if it is not on the device. @throws WebgpuOpsError for another dtype */
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
