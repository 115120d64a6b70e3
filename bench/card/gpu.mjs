// WebGPU for a section: Dawn with toggles, and a device with the highest limits that the adapter has.
import { create, globals } from "webgpu"
import { startWebgpu } from "../../packages/webgpu/dist/index.js"

/** Dawn crashes once what `create` returned is collected. */
const kept = []

const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupsPerDimension",
]

/** Toggles for subgroup matrices. On NVIDIA's cards float16 needs the second, too. */
export const TOGGLES = ["allow_unsafe_apis", "vulkan_enable_f16_on_nvidia"]

/** What sections may use where the adapter has it. */
export const FEATURES = [
  "shader-f16",
  "subgroups",
  "subgroup-size-control",
  "chromium-experimental-subgroup-matrix",
  "timestamp-query",
]

/**
 * Dawn with some toggles on. Makes WebGPU's classes and `navigator.gpu` global, where tfjs looks for them. Timestamps
 * are not rounded.
 */
export function createGpu(toggles = []) {
  Object.assign(globalThis, globals)
  const enabled = toggles.length > 0 ? [`enable-dawn-features=${toggles.join(",")}`] : []
  const gpu = create([...enabled, "disable-dawn-features=timestamp_quantization"])
  kept.push(gpu)
  // Node has a navigator from version 21 on.
  if (!("navigator" in globalThis)) Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true })
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true })
  return gpu
}

/**
 * A device on the best adapter. An uncaught error ends the process, since the figures after it would be wrong.
 *
 * @param software whether an adapter that computes on the CPU is accepted
 */
export async function open({ toggles = [], features = FEATURES, software = false } = {}) {
  const gpu = createGpu(toggles)
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" })
  if (adapter === null) {
    throw new Error("WebGPU found no adapter. Install the card's Vulkan driver, or name it with VK_ICD_FILENAMES")
  }
  if (adapter.info.isFallbackAdapter && !software) {
    throw new Error(
      `the only adapter computes on the CPU (${adapter.info.description}). Use a machine with a card, or --quick`,
    )
  }
  const device = await adapter.requestDevice({
    requiredFeatures: features.filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  })
  device.addEventListener("uncapturederror", ({ error }) => {
    console.error(`the device reported an error: ${error.message}`)
    process.exit(1)
  })
  return { gpu, adapter, device }
}

/** tfjs's WebGPU backend with this project's guards, as `startWebgpu` gives it. */
export async function start({ toggles = [], software = false, ...options } = {}) {
  // Registers the gradients of tfjs's own ops.
  await import("@tensorflow/tfjs")
  return startWebgpu(createGpu(toggles), { software, ...options })
}
