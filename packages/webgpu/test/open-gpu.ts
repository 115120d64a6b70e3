import "@tensorflow/tfjs"
import { create, globals } from "webgpu"
import { type StartOptions, startWebgpu, type WebgpuDevice } from "../src/index.ts"
import { chooseDriver, type Driver } from "./drivers.ts"

export interface OpenedGpu {
  readonly gpu: GPU
  /** Whether there is an adapter. Tests of kernels need one. */
  readonly hasAdapter: boolean
  /** Whether it has subgroup matrices. */
  readonly hasMatrices: boolean
  /** Whether it has float16. */
  readonly hasFloat16: boolean
  /** "swiftshader", "llvmpipe" or a graphics card's architecture. Empty without an adapter. */
  readonly architecture: string
  /** Starts the backend on it. */
  start(options?: StartOptions): Promise<WebgpuDevice>
}

/** Opens Dawn on the first installed driver of a list. A process can use one driver only. */
export async function openGpu(...drivers: readonly Driver[]): Promise<OpenedGpu> {
  chooseDriver(...drivers)
  Object.assign(globalThis, globals)
  // As in Node's runtime.
  const gpu = create(["enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia"])
  // Node has `navigator` from version 21 on.
  if (!("navigator" in globalThis)) Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true })
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true })
  const adapter = await gpu.requestAdapter()
  const { architecture = "", description = "no adapter" } = adapter?.info ?? {}
  console.info(`WebGPU: ${description}`)
  return {
    gpu,
    hasAdapter: adapter !== null,
    hasMatrices: adapter?.features.has("chromium-experimental-subgroup-matrix" as GPUFeatureName) === true,
    hasFloat16: adapter?.features.has("shader-f16") === true,
    architecture,
    start: (options) => startWebgpu(gpu, { ...options, software: true }),
  }
}
