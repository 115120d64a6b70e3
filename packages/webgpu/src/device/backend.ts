import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu"
import type { BackendValues, TensorInfo } from "@tensorflow/tfjs-core"
import { util } from "@tensorflow/tfjs-core"
import { WebgpuLimitError, WebgpuOpsError } from "../errors.ts"
import type { Storage } from "../wgsl/module.ts"
import { BufferPool, writeValues } from "./buffer-pool.ts"
import { type Commands, createCommands } from "./commands.ts"
import type { DeviceFeatures } from "./features.ts"
import { type DeviceHealth, watchDevice } from "./health.ts"
import { expectBindable } from "./limits.ts"
import { PassRecorder } from "./pass-recorder.ts"

type DataId = TensorInfo["dataId"]
type RunArguments = Parameters<WebGPUBackend["runWebGPUProgram"]>

/** tfjs's WebGPU backend with checks, and with this package's commands between its own. */
export interface GuardedBackend extends WebGPUBackend {
  readonly commands: Commands
  readonly health: DeviceHealth
  readonly features: DeviceFeatures
  /** Records of passes. */
  readonly passes: PassRecorder
  /** Gives a new tensor a buffer whose values are float16. tfjs's own kernels get a copy in float32. */
  storeInHalf(dataId: DataId): void
  /**
   * Gives new tensors of one shape parts of one buffer, in their order. It is free when all of them are disposed. tfjs's own
   * kernels get copies.
   */
  storeTogether(dataIds: readonly DataId[], storage: Storage): SharedBuffer
  /** The part of its buffer that a tensor has. Null: all of it. */
  partOf(dataId: DataId): BufferPart | null
  /** Whether a tensor's values are stored in float16. */
  isHalf(dataId: DataId): boolean
  /** Bounds the bytes of all buffers of tensors, idle ones included. See `Ops.pool`. */
  pool(bytes: number): void
  /** Frees idle buffers of `TRIMMED_BYTES` and more. tfjs itself never frees a buffer. */
  trim(): void
}

/** A part of a buffer, in bytes. */
export interface BufferPart {
  readonly offset: number
  readonly size: number
}

/** A buffer of several tensors. */
export interface SharedBuffer {
  readonly buffer: GPUBuffer
  /** Values from the beginning of one tensor to that of the next one. */
  readonly each: number
}

/** The most rows for tfjs's softmax. With more rows it writes a wrong last value, because it has no bounds check. */
const SOFTMAX_ROWS = 65_535

/** Makes a copy of a tensor in a storage. */
type StoredCopy = (backend: GuardedBackend, x: TensorInfo, storage: Storage) => TensorInfo

/**
 * The class of {@link GuardedBackend}. tfjs's backend is an argument, because an import would register its kernels too
 * early.
 *
 * @param stored makes float32 copies of what is stored in float16
 */
export function guardedBackend(
  Base: typeof WebGPUBackend,
  stored: StoredCopy,
): new (
  device: GPUDevice,
  info: GPUAdapterInfo,
  features: DeviceFeatures,
) => GuardedBackend {
  return class extends Base implements GuardedBackend {
    readonly health: DeviceHealth
    readonly commands: Commands
    readonly features: DeviceFeatures
    readonly passes: PassRecorder
    readonly #pool: BufferPool
    readonly #halves = new WeakSet<DataId>()
    readonly #parts = new WeakMap<DataId, BufferPart>()
    #stockPending = false

    constructor(device: GPUDevice, info: GPUAdapterInfo, features: DeviceFeatures) {
      super(device, info)
      this.features = features
      this.#pool = new BufferPool(device, () => this.#submitAll())
      // The class of tfjs's pool is private. These are its methods and fields that tfjs calls.
      this.bufferManager = this.#pool as unknown as WebGPUBackend["bufferManager"]
      this.health = watchDevice(device)
      this.commands = createCommands(device, () => this.#submitStock())
      this.passes = new PassRecorder(this.commands, this.#pool)
    }

    // tfjs calls this before it records a command. Commands that were recorded here are submitted first.
    override ensureCommandEncoderReady(): void {
      this.commands.submit()
      this.passes.spoil()
      this.#stockPending = true
      super.ensureCommandEncoderReady()
    }

    override submitQueue(): void {
      super.submitQueue()
      this.#stockPending = false
    }

    override uploadToGPU(dataId: DataId): void {
      const tensor = this.tensorMap.get(dataId)
      if (tensor.resource != null) return
      const { shape, dtype, values } = tensor
      const bytes = 4 * util.sizeFromShape(shape)
      expectBindable(this.device.limits, `a ${dtype} tensor [${shape.join(", ")}]`, bytes)
      if (!(values instanceof Float32Array) || dtype !== "float32" || bytes === 0) {
        super.uploadToGPU(dataId)
        return
      }
      // tfjs copies from a second buffer by a command of its own, which would end the recording of ours.
      const { COPY_DST, COPY_SRC, STORAGE } = GPUBufferUsage
      const usage = STORAGE | COPY_SRC | COPY_DST
      const { passes } = this
      const buffer = passes.isRecording ? passes.acquireConstant(bytes, usage) : this.#pool.acquireBuffer(bytes, usage)
      // A write is done before all that is submitted later. So commands that use the buffer's former values go first.
      this.#submitStock()
      if (this.commands.uses(buffer)) this.commands.submit()
      writeValues(this.device, buffer, 0, values)
      tensor.values = null as unknown as BackendValues
      tensor.resource = buffer
    }

    storeInHalf(dataId: DataId): void {
      const tensor = this.tensorMap.get(dataId)
      const { COPY_DST, COPY_SRC, STORAGE } = GPUBufferUsage
      // Bindings are whole words.
      const bytes = 4 * Math.ceil(util.sizeFromShape(tensor.shape) / 2)
      expectBindable(this.device.limits, `a float16 tensor [${tensor.shape.join(", ")}]`, bytes)
      tensor.resource = this.#pool.acquireBuffer(bytes, STORAGE | COPY_SRC | COPY_DST)
      this.#halves.add(dataId)
    }

    storeTogether(dataIds: readonly DataId[], storage: Storage): SharedBuffer {
      const [first] = dataIds as readonly [DataId, ...DataId[]]
      const { shape } = this.tensorMap.get(first)
      const { COPY_DST, COPY_SRC, STORAGE } = GPUBufferUsage
      const { bytes, distance } = partSizes(this.device.limits, shape, storage)
      const all = dataIds.length * distance
      expectBindable(this.device.limits, `${dataIds.length} tensors [${shape.join(", ")}]`, all)
      const buffer = this.#pool.acquireBuffer(all, STORAGE | COPY_SRC | COPY_DST)
      this.#pool.share(buffer, dataIds.length)
      for (const [i, dataId] of dataIds.entries()) {
        this.tensorMap.get(dataId).resource = buffer
        this.#parts.set(dataId, { offset: i * distance, size: bytes })
        if (storage === "f16") this.#halves.add(dataId)
      }
      return { buffer, each: distance / VALUE_BYTES[storage] }
    }

    partOf(dataId: DataId): BufferPart | null {
      return this.#parts.get(dataId) ?? null
    }

    isHalf(dataId: DataId): boolean {
      return this.#halves.has(dataId)
    }

    override runWebGPUProgram(...args: RunArguments): TensorInfo {
      this.health.expectSound()
      const [program, inputs, ...rest] = args
      if (program.shaderKey === "softmax" && program.dispatch[0] > SOFTMAX_ROWS) {
        throw new WebgpuLimitError(
          "softmax-rows",
          `tf.softmax of ${program.dispatch[0]} rows: tfjs's kernel is right up to ${SOFTMAX_ROWS}. Use the attention of these ` +
            "ops, or softmax in parts.",
        )
      }
      const wide = inputs.map((input) => (this.#isPlain(input.dataId) ? input : stored(this, input, "f32")))
      const result = super.runWebGPUProgram(program, wide, ...rest)
      for (const [i, { dataId }] of wide.entries()) if (inputs[i]?.dataId !== dataId) this.disposeData(dataId)
      return result
    }

    override async read(dataId: DataId): Promise<BackendValues> {
      if (!this.#isPlain(dataId)) return this.#readCopy(dataId)
      try {
        const values = await super.read(dataId)
        this.health.expectSound()
        return values
      } catch (cause) {
        // The device's report may come just after the failure that it explains.
        await new Promise((resolve) => setTimeout(resolve))
        throw this.health.explain(cause)
      }
    }

    /** Whether a tensor is as tfjs makes them: float32 values that have a buffer of their own. */
    #isPlain(dataId: DataId): boolean {
      return !this.isHalf(dataId) && !this.#parts.has(dataId)
    }

    async #readCopy(dataId: DataId): Promise<BackendValues> {
      const { shape } = this.tensorMap.get(dataId)
      const wide = stored(this, { dataId, shape, dtype: "float32" }, "f32")
      try {
        return await this.read(wide.dataId)
      } finally {
        this.disposeData(wide.dataId)
      }
    }

    override readSync(dataId: DataId): BackendValues {
      const { values, dtype } = this.tensorMap.get(dataId)
      if (values != null || dtype === "string") return values
      throw new WebgpuOpsError(
        "synchronous-read",
        "a tensor on a GPU can only be read asynchronously. Use await tensor.data().",
      )
    }

    pool(bytes: number): void {
      this.#pool.pooledBytes = bytes
    }

    trim(): void {
      this.#submitAll()
      this.passes.clear()
      this.#pool.trim()
    }

    #submitAll(): void {
      this.#submitStock()
      this.commands.submit()
    }

    #submitStock(): void {
      if (!this.#stockPending) return
      this.endComputePassEncoder()
      this.submitQueue()
    }

    override dispose(): void {
      this.commands.dispose()
      super.dispose()
    }
  }
}

const VALUE_BYTES: Readonly<Record<Storage, number>> = { f32: 4, f16: 2 }

/** Bytes of a tensor in a buffer of several, and from its beginning to that of the next one. Bindings are whole words. */
export function partSizes(
  { minStorageBufferOffsetAlignment: unit }: GPUSupportedLimits,
  shape: readonly number[],
  storage: Storage,
): { readonly bytes: number; readonly distance: number } {
  const bytes = 4 * Math.ceil((util.sizeFromShape([...shape]) * VALUE_BYTES[storage]) / 4)
  return { bytes, distance: unit * Math.ceil(bytes / unit) }
}

export function isGuardedBackend(backend: unknown): backend is GuardedBackend {
  return typeof backend === "object" && backend !== null && "commands" in backend && "health" in backend
}
