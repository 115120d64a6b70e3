import { TRIMMED_BYTES } from "@lllite/core/ops"
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu"
import type { BackendValues, TensorInfo } from "@tensorflow/tfjs-core"
import { util } from "@tensorflow/tfjs-core"
import { WebgpuLimitError, WebgpuOpsError } from "../errors.ts"
import { type Commands, createCommands } from "./commands.ts"
import type { DeviceFeatures } from "./features.ts"
import { type DeviceHealth, watchDevice } from "./health.ts"
import { expectBindable } from "./limits.ts"

type DataId = TensorInfo["dataId"]
type RunArguments = Parameters<WebGPUBackend["runWebGPUProgram"]>

/** tfjs's WebGPU backend with checks, and with this package's commands between its own. */
export interface GuardedBackend extends WebGPUBackend {
  readonly commands: Commands
  readonly health: DeviceHealth
  readonly features: DeviceFeatures
  /** Frees idle buffers of `TRIMMED_BYTES` and more. tfjs itself never frees a buffer. */
  trim(): void
}

/** The most rows for tfjs's softmax. With more rows it writes a wrong last value, because it has no bounds check. */
const SOFTMAX_ROWS = 65_535

/**
 * The class of {@link GuardedBackend}. tfjs's backend is an argument, because an import would register its kernels too
 * early.
 */
export function guardedBackend(
  Base: typeof WebGPUBackend,
): new (
  device: GPUDevice,
  info: GPUAdapterInfo,
  features: DeviceFeatures,
) => GuardedBackend {
  return class extends Base implements GuardedBackend {
    readonly health: DeviceHealth
    readonly commands: Commands
    readonly features: DeviceFeatures
    /** Sizes of buffers that may be idle in tfjs's pool: buffers of tensors, and buffers for reading tensors. */
    readonly #idle = { tensors: new Set<number>(), reads: new Set<number>() }
    #stockPending = false

    constructor(device: GPUDevice, info: GPUAdapterInfo, features: DeviceFeatures) {
      super(device, info)
      this.features = features
      this.health = watchDevice(device)
      this.commands = createCommands(device, () => this.#submitStock())
    }

    // tfjs calls this before it records a command. Commands that were recorded here are submitted first.
    override ensureCommandEncoderReady(): void {
      this.commands.submit()
      this.#stockPending = true
      super.ensureCommandEncoderReady()
    }

    override submitQueue(): void {
      super.submitQueue()
      this.#stockPending = false
    }

    override uploadToGPU(dataId: DataId): void {
      const { resource, shape, dtype } = this.tensorMap.get(dataId)
      if (resource == null) {
        const bytes = 4 * util.sizeFromShape(shape)
        expectBindable(this.device.limits, `a ${dtype} tensor [${shape.join(", ")}]`, bytes)
      }
      super.uploadToGPU(dataId)
    }

    override runWebGPUProgram(...args: RunArguments): TensorInfo {
      this.health.expectSound()
      const [program] = args
      if (program.shaderKey === "softmax" && program.dispatch[0] > SOFTMAX_ROWS) {
        throw new WebgpuLimitError(
          "softmax-rows",
          `tf.softmax of ${program.dispatch[0]} rows: tfjs's kernel is right up to ${SOFTMAX_ROWS}. Use the attention of these ` +
            "ops, or softmax in parts.",
        )
      }
      return super.runWebGPUProgram(...args)
    }

    override disposeData(dataId: DataId, force?: boolean): boolean {
      this.#note(dataId, this.#idle.tensors)
      return super.disposeData(dataId, force)
    }

    override async read(dataId: DataId): Promise<BackendValues> {
      this.#note(dataId, this.#idle.reads)
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

    override readSync(dataId: DataId): BackendValues {
      const { values, dtype } = this.tensorMap.get(dataId)
      if (values != null || dtype === "string") return values
      throw new WebgpuOpsError(
        "synchronous-read",
        "a tensor on a GPU can only be read asynchronously. Use await tensor.data().",
      )
    }

    trim(): void {
      this.#submitStock()
      this.commands.submit()
      const { COPY_DST, COPY_SRC, MAP_READ, STORAGE } = GPUBufferUsage
      // With the usage flags of tfjs.
      this.#release(this.#idle.tensors, STORAGE | COPY_SRC | COPY_DST)
      this.#release(this.#idle.reads, COPY_DST | MAP_READ)
    }

    #release(sizes: Set<number>, usage: GPUBufferUsageFlags): void {
      const pool = this.bufferManager
      for (const size of sizes) {
        // The pool does not give the number of buffers of a size. Taking more buffers than it has makes a new one.
        for (let idle = -1; pool.getNumFreeBuffers() !== idle && pool.getNumFreeBuffers() > 0; ) {
          idle = pool.getNumFreeBuffers()
          pool.releaseBuffer(pool.acquireBuffer(size, usage), false)
        }
      }
      sizes.clear()
    }

    #note(dataId: DataId, sizes: Set<number>): void {
      if (!this.tensorMap.has(dataId)) return
      const { resource, shape } = this.tensorMap.get(dataId)
      const bytes = 4 * util.sizeFromShape(shape)
      if (resource != null && bytes >= TRIMMED_BYTES) sizes.add(bytes)
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

export function isGuardedBackend(backend: unknown): backend is GuardedBackend {
  return typeof backend === "object" && backend !== null && "commands" in backend && "health" in backend
}
