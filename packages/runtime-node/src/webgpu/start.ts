import { join } from "node:path"
import { createComposedOps, registerGradients } from "@lllite/core/ops"
import {
  createWebgpuOps,
  keptChecks,
  keptTiles,
  loadWebgpuOptimizer,
  type ProductPrecision,
  type ProductTiles,
  startOnPaths,
  startWebgpu,
  type TextStore,
  tuneMatrices,
} from "@lllite/webgpu"
import type { NodeRunningBackend, StartOptions } from "../backends/started-backend.ts"
import { InputError } from "../errors.ts"
import { writeAtomically } from "../files/atomic-write.ts"
import { cacheFolder } from "../files/cache-folder.ts"
import { readTextFile } from "../files/read-text.ts"

/** Dawn's object. It must live as long as its adapters and devices. The thread keeps one. */
let gpu: GPU | null = null

/**
 * Starts WebGPU in this thread, through Dawn (npm package `webgpu`). An adapter that computes on the CPU is for tests.
 * It is used only if VK_ICD_FILENAMES or VK_DRIVER_FILES names its driver.
 *
 * @throws InputError if the package is not installed, or the driver cannot compute in the precision; WebgpuOpsError if no
 * adapter suits
 */
export async function startDawn({
  weights = "file",
  precision = "F32",
}: Pick<StartOptions, "weights"> & { readonly precision?: ProductPrecision } = {}): Promise<NodeRunningBackend> {
  gpu ??= await openDawn()
  await registerGradients()
  const software = process.env.VK_ICD_FILENAMES !== undefined || process.env.VK_DRIVER_FILES !== undefined
  const start: Parameters<typeof startOnPaths>[0] = (options) => startWebgpu(gpu as GPU, { software, ...options })
  const found = await startOnPaths(start, keptChecks(storeIn("webgpu-checks.json")), precision)
  if ("problem" in found) {
    throw new InputError(
      "backend-option",
      `precision "F16": ${found.problem}. Leave precision out, or use another card or driver.`,
    )
  }
  const { device, version, paths } = found
  // On a software adapter, tuning takes longer than it saves.
  const tiles = device.software ? undefined : await tilesOf(version, precision)
  return {
    backend: "webgpu",
    ops: createWebgpuOps(createComposedOps(), { weights, precision, ...(tiles && { tiles }) }),
    version,
    device: device.software ? "CPU" : "GPU",
    notices: [],
    paths,
    loadOptimizer: loadWebgpuOptimizer,
  }
}

/** The tiles that are fastest here, which are measured once for every driver and precision. */
function tilesOf(version: string, precision: ProductPrecision): Promise<ProductTiles> {
  const store = storeIn("webgpu-tiles.json")
  return precision === "F16" ? keptTiles(store, `${version}, matrices`, tuneMatrices) : keptTiles(store, version)
}

function storeIn(name: string): TextStore {
  const path = join(cacheFolder(), name)
  return { read: () => readTextFile(path), write: async (text) => void (await writeAtomically(path, text)) }
}

/**
 * What Dawn has off by default. The first one shows subgroup matrices. Without the second, NVIDIA's cards have no float16,
 * because some of their drivers have computed it wrongly: `keptChecks` come before its use.
 */
const TOGGLES = ["allow_unsafe_apis", "vulkan_enable_f16_on_nvidia"] as const

/** Loads Dawn and makes WebGPU's classes global, since tfjs looks for them there. */
async function openDawn(): Promise<GPU> {
  const { create, globals } = await import("webgpu").catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause)
    throw new InputError(
      "webgpu-missing",
      `backend "webgpu": the package "webgpu" cannot be loaded: ${reason}. Type: npm install webgpu@0.6.2`,
      { cause },
    )
  })
  Object.assign(globalThis, globals)
  const opened = create([`enable-dawn-features=${TOGGLES.join(",")}`])
  // Node has `navigator` from version 21 on.
  if (!("navigator" in globalThis)) Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true })
  Object.defineProperty(navigator, "gpu", { value: opened, configurable: true })
  return opened
}
