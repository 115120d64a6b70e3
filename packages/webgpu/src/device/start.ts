import * as tf from "@tensorflow/tfjs-core"
import { WebgpuOpsError } from "../errors.ts"
import { type GuardedBackend, guardedBackend } from "./backend.ts"
import { findFeatures, OPTIONAL_FEATURES, type OptionalFeature } from "./features.ts"

export interface StartOptions {
  /** Take an adapter that computes on the CPU (SwiftShader, lavapipe) too: slow, and there for tests. Default: false. */
  readonly software?: boolean
  /** Optional features that kernels use where the adapter has them. Default: all. None is needed. */
  readonly features?: readonly OptionalFeature[]
}

/** The WebGPU backend, started. */
export interface WebgpuDevice {
  readonly vendor: string
  readonly architecture: string
  readonly description: string
  /** Whether the adapter computes on the CPU. */
  readonly software: boolean
  readonly device: GPUDevice
  /** Gives buffers of 1 MiB and more that nothing uses back to the driver. Worth it between phases whose shapes differ. */
  trim(): void
  /** Ends the backend, with all of its tensors and weights. */
  dispose(): void
}

/** Limits that are asked for as high as the adapter has them; a device gets modest ones otherwise. */
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
 * Starts tfjs's WebGPU backend on a new device, with guards, and makes it the backend in use. One that ran before is
 * ended. In Node, `gpu` is Dawn's, and WebGPU's classes (`GPUBuffer`, `GPUBufferUsage` …) and `navigator.gpu`
 * must have been made global before.
 *
 * @param gpu `navigator.gpu`, or what `create` of the npm package `webgpu` returns
 * @throws WebgpuOpsError if there is no adapter, or only one in software that was not asked for
 */
export async function startWebgpu(
  gpu: GPU,
  { software = false, features = OPTIONAL_FEATURES }: StartOptions = {},
): Promise<WebgpuDevice> {
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
        "the backend wasm. Choose wasm, or ask for a software adapter by name.",
    )
  }
  const device = await adapter.requestDevice({
    // tfjs times its kernels with the last.
    requiredFeatures: [...features, "timestamp-query" as const].filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  })
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu")
  const Backend = guardedBackend(WebGPUBackend)
  const backend: GuardedBackend = new Backend(device, info, await findFeatures(device, info))
  if (tf.findBackendFactory("webgpu") !== null) tf.removeBackend("webgpu")
  tf.registerBackend("webgpu", () => backend)
  await tf.setBackend("webgpu")
  const { vendor, architecture, description } = info
  return {
    ...{ vendor, architecture, description, software: info.isFallbackAdapter, device },
    trim: () => backend.trim(),
    dispose() {
      if (tf.findBackend("webgpu") === backend) tf.removeBackend("webgpu")
      device.destroy()
    },
  }
}
