import { checkGiven, checkOptions } from "@lllite/core/names"
import * as tf from "@tensorflow/tfjs-core"
import { WebgpuOpsError } from "../errors.ts"
import { replaceStockKernels } from "../stock/replace.ts"
import { type GuardedBackend, guardedBackend } from "./backend.ts"
import { findFeatures, OPTIONAL_FEATURES, type OptionalFeature } from "./features.ts"
import { stored } from "./stored.ts"

export interface StartOptions {
  /**
   * Also take an adapter that computes on the CPU (SwiftShader, lavapipe). It is slow, and useful for tests. Default:
   * false.
   */
  readonly software?: boolean
  /** Optional features that kernels use if the adapter has them. Default: all. */
  readonly features?: readonly OptionalFeature[]
}

/** A size of subgroup matrices: [M, K] times [K, N]. */
export interface MatrixSize {
  readonly M: number
  readonly N: number
  readonly K: number
}

/** The running WebGPU backend. */
export interface WebgpuDevice {
  readonly vendor: string
  readonly architecture: string
  readonly description: string
  /** Whether the adapter computes on the CPU. */
  readonly software: boolean
  /** Sizes of the adapter's subgroup matrices. Empty where it has none, or does not show them. */
  readonly matrices: readonly MatrixSize[]
  readonly device: GPUDevice
  /** Frees unused buffers of 64 KiB and more. Call it between phases whose shapes differ. */
  trim(): void
  /** Ends the backend, with all of its tensors and weights. */
  dispose(): void
}

/** Limits to request at the adapter's maximum. Without a request, a device has low defaults. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupsPerDimension",
] as const satisfies readonly (keyof GPUSupportedLimits)[]

/**
 * Starts tfjs's WebGPU backend on a new device, with checks, and makes it the backend in use. An earlier WebGPU backend
 * is ended. In Node, `gpu` is Dawn's. WebGPU's classes (`GPUBuffer`, `GPUBufferUsage` …) and `navigator.gpu` must be
 * global before.
 *
 * @param gpu `navigator.gpu`, or the result of `create` of the npm package `webgpu`
 * @throws WebgpuOpsError without an adapter, or with only a software adapter that the options do not allow
 */
export async function startWebgpu(gpu: GPU, options: StartOptions = {}): Promise<WebgpuDevice> {
  checkGiven("WebGPU: the GPU", gpu, "requestAdapter", "navigator.gpu")
  checkOptions<StartOptions>("WebGPU", options, { software: "true or false", features: "a list of texts" })
  const { software = false, features = OPTIONAL_FEATURES } = options
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" })
  if (adapter === null) {
    throw new WebgpuOpsError(
      "no-adapter",
      "WebGPU found no adapter. Update the graphics driver, or choose another backend.",
    )
  }
  const { info } = adapter
  if (info.isFallbackAdapter && !software) {
    throw new WebgpuOpsError(
      "software-adapter",
      `WebGPU found only an adapter that computes on the CPU (${info.architecture}, ${info.description}), many times slower than ` +
        "the backend wasm. Choose wasm, or allow a software adapter.",
    )
  }
  const device = await adapter.requestDevice({
    // tfjs needs the last one to measure its kernels.
    requiredFeatures: [...features, "timestamp-query"]
      .map((feature) => feature as GPUFeatureName)
      .filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  })
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu")
  replaceStockKernels()
  const Backend = guardedBackend(WebGPUBackend, stored)
  const backend: GuardedBackend = new Backend(device, info, await findFeatures(device, info))
  if (tf.findBackendFactory("webgpu") !== null) tf.removeBackend("webgpu")
  tf.registerBackend("webgpu", () => backend)
  await tf.setBackend("webgpu")
  const { vendor, architecture, description } = info
  return {
    ...{ vendor, architecture, description, software: info.isFallbackAdapter, device },
    matrices: (info as { readonly subgroupMatrixConfigs?: readonly MatrixSize[] }).subgroupMatrixConfigs ?? [],
    trim: () => backend.trim(),
    dispose() {
      if (tf.findBackend("webgpu") === backend) tf.removeBackend("webgpu")
      device.destroy()
    },
  }
}
