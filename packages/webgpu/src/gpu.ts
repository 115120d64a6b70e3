import type { RepeatedPass } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { type GuardedBackend, isGuardedBackend, partSizes } from "./device/backend.ts"
import { writeValues } from "./device/buffer-pool.ts"
import type { BoundBuffer, KernelSource } from "./device/commands.ts"
import type { DeviceFeatures } from "./device/features.ts"
import { expectBindable } from "./device/limits.ts"
import { stored } from "./device/stored.ts"
import { boundTo, commonStorage, createParts, createTensor } from "./device/tensors.ts"
import { WebgpuOpsError } from "./errors.ts"
import { runPass } from "./pass.ts"
import { DEFAULT_TILES, type ProductTiles } from "./product/tiles.ts"
import type { Storage } from "./wgsl/module.ts"

/** One of several parts of a tensor that have one size and follow each other. */
export interface TensorPart {
  readonly tensor: Tensor
  readonly index: number
  readonly count: number
}

/** New tensors of one shape in one buffer. */
export interface CreatedParts<T extends Tensor> {
  readonly tensors: readonly T[]
  /** All of them, for a kernel that writes them. */
  readonly whole: BoundBuffer
  /** Values from the beginning of one tensor to that of the next one. */
  readonly each: number
}

/** What a kernel binds. */
export type KernelBuffer = Tensor | TensorPart | GPUBuffer | BoundBuffer

/** The device's interface for the ops: tensors, buffers, kernels. */
export interface Gpu {
  readonly limits: GPUSupportedLimits
  readonly features: DeviceFeatures
  readonly tiles: ProductTiles
  /**
   * A new float32 tensor without set values, whose values may be stored in float16.
   *
   * @throws WebgpuLimitError if it is too large to bind
   */
  create<T extends Tensor>(shape: readonly number[], storage?: Storage): T
  /**
   * New tensors of one shape, as `create` makes them, as parts of one buffer.
   *
   * @throws WebgpuLimitError if all together are too large to bind
   */
  createParts<T extends Tensor>(shape: readonly number[], count: number, storage?: Storage): CreatedParts<T>
  /** The most tensors of a shape that fit into one buffer. */
  mostParts(shape: readonly number[], storage: Storage): number
  /** How the values of tensors are stored: in float16 if those of one are. */
  storageOf(...tensors: readonly Tensor[]): Storage
  /** A copy of a tensor in a storage. Values beyond float16's range become infinite. */
  stored<T extends Tensor>(x: T, storage: Storage): T
  /**
   * Uploads bytes to the device, padded to whole words.
   *
   * @param what their name in an error
   * @throws WebgpuLimitError for too many bytes to bind
   */
  upload(what: string, bytes: Uint8Array): GPUBuffer
  /** Reads a buffer after all recorded commands. @throws WebgpuDeviceError if the device is lost */
  download(buffer: GPUBuffer): Promise<Uint8Array<ArrayBuffer>>
  /** Frees a buffer after the commands that read it are submitted. */
  release(buffer: GPUBuffer): void
  /** Runs a kernel. See `Commands.record`. */
  run(kernel: KernelSource, buffers: readonly KernelBuffer[], params: readonly number[], groups: number): void
  /** Runs a pass by its record. See `Ops.runPass`. */
  runPass<T extends Tensor>(pass: RepeatedPass<T>): T
  /** Bounds the bytes of all tensors, idle ones included. */
  pool(bytes: number): void
  /** Frees buffers of `TRIMMED_BYTES` and more that no tensor uses. */
  trim(): void
  /** Resolves when the device has run all recorded commands. @throws WebgpuDeviceError if the device failed */
  done(): Promise<void>
}

/** Bytes of one write. A copy of this size exists for a moment. */
const CHUNK = 16 * 2 ** 20

/** Opens the device of the backend in use, which `startWebgpu` must have started. */
export function openGpu(tiles: ProductTiles = DEFAULT_TILES): Gpu {
  const backend = tf.backend()
  if (tf.getBackend() !== "webgpu" || !isGuardedBackend(backend)) {
    throw new WebgpuOpsError(
      "backend-not-started",
      `the backend in use is "${tf.getBackend()}"${tf.getBackend() === "webgpu" ? ", but not this package's" : ""}; ` +
        "await startWebgpu(gpu) before creating the ops",
    )
  }
  const { device, commands, features, health } = backend
  return {
    limits: device.limits,
    features,
    tiles,

    create<T extends Tensor>(shape: readonly number[], storage: Storage = "f32") {
      expectInUse(backend)
      const info = createTensor(backend, shape, storage)
      return tf.engine().makeTensorFromTensorInfo(info, backend) as T
    },

    createParts<T extends Tensor>(shape: readonly number[], count: number, storage: Storage = "f32") {
      expectInUse(backend)
      const { infos, ...rest } = createParts(backend, shape, count, storage)
      return { tensors: infos.map((info) => tf.engine().makeTensorFromTensorInfo(info, backend) as T), ...rest }
    },

    mostParts(shape, storage) {
      const { limits } = device
      const most = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize)
      return Math.floor(most / Math.max(1, partSizes(limits, shape, storage).distance))
    },

    storageOf: (...tensors) => commonStorage(backend, tensors),

    stored<T extends Tensor>(x: T, storage: Storage) {
      expectInUse(backend)
      return tf.engine().makeTensorFromTensorInfo(stored(backend, x, storage), backend) as T
    },

    upload(what, bytes) {
      health.expectSound()
      const size = 4 * Math.ceil(bytes.byteLength / 4)
      expectBindable(device.limits, what, size)
      const buffer = device.createBuffer({
        ...{ label: what, size: Math.max(size, 4) },
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      })
      const whole = bytes.byteLength - (bytes.byteLength % 4)
      for (let from = 0; from < whole; from += CHUNK) {
        const part = bytes.subarray(from, Math.min(from + CHUNK, whole))
        writeValues(device, buffer, from, part)
      }
      if (whole < bytes.byteLength) {
        const last = new Uint8Array(4)
        last.set(bytes.subarray(whole))
        device.queue.writeBuffer(buffer, whole, last)
      }
      return buffer
    },

    async download(buffer) {
      health.expectSound()
      commands.submit()
      const { size } = buffer
      const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
      try {
        const encoder = device.createCommandEncoder()
        encoder.copyBufferToBuffer(buffer, 0, staging, 0, size)
        device.queue.submit([encoder.finish()])
        await staging.mapAsync(GPUMapMode.READ)
        health.expectSound()
        return new Uint8Array(staging.getMappedRange().slice(0))
      } catch (cause) {
        // The device's own report may come just after the failure that it explains.
        await new Promise((resolve) => setTimeout(resolve))
        throw health.explain(cause)
      } finally {
        staging.destroy()
      }
    },

    release(buffer) {
      commands.submit()
      // A record may read it.
      backend.passes.clear()
      buffer.destroy()
    },

    run(kernel, buffers, params, groups) {
      expectInUse(backend)
      health.expectSound()
      const bound = buffers.map((buffer): BoundBuffer => {
        if ("dataId" in buffer) return boundTo(backend, buffer)
        if ("buffer" in buffer) return buffer
        if (!("tensor" in buffer)) return { buffer }
        const { tensor, index, count } = buffer
        const bound = boundTo(backend, tensor)
        const size = ((bound.storage === "f16" ? 2 : 4) * tensor.size) / count
        return { ...bound, offset: (bound.offset ?? 0) + index * size, size }
      })
      commands.record(kernel, bound, params, groups)
    },

    runPass(pass) {
      expectInUse(backend)
      health.expectSound()
      return runPass(backend, pass)
    },
    pool(bytes) {
      expectInUse(backend)
      backend.pool(bytes)
    },
    trim() {
      expectInUse(backend)
      backend.trim()
    },

    async done() {
      commands.submit()
      await device.queue.onSubmittedWorkDone()
      health.expectSound()
    },
  }
}

function expectInUse(backend: GuardedBackend): void {
  if (tf.backend() === backend) return
  throw new WebgpuOpsError(
    "backend-changed",
    `the backend in use is "${tf.getBackend()}", but these ops were created on another one; create them anew after ` +
      "starting it",
  )
}
