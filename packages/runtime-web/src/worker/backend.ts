import type { Ops } from "@lllite/core/ops"
import { createComposedOps, registerGradients, selfCheck } from "@lllite/core/ops"
import type { RunningBackend } from "@lllite/core/worker"
import type { ProductTiles } from "@lllite/webgpu"
import * as tf from "@tensorflow/tfjs-core"
import { WebRuntimeError } from "../errors.ts"
import type { WebBackend, WebTypes } from "../types.ts"
import { startInPrecision } from "./precision.ts"
import { storeOf } from "./store.ts"

/** A backend that runs in this worker. */
export type WebRunningBackend = RunningBackend<WebBackend>

/**
 * Starts a backend and checks it with a computation and a gradient.
 *
 * @throws Error with the reason why it cannot be used
 */
export async function startBackend({ backend, ...options }: WebTypes["start"]): Promise<WebRunningBackend> {
  await registerGradients()
  const started = backend === "webgpu" ? await startGpu(options) : await startWasm()
  await selfCheck(started.ops)
  return started
}

async function startGpu({
  software,
  precision: wanted,
}: Omit<WebTypes["start"], "backend">): Promise<WebRunningBackend> {
  if (!("gpu" in navigator) || navigator.gpu === undefined) {
    throw new WebRuntimeError("no-webgpu", "this browser offers no WebGPU to this page.")
  }
  const {
    createWebgpuOps,
    keptChecks,
    keptTiles,
    loadWebgpuOptimizer,
    startOnPaths,
    startWebgpu,
    tuneMatrices,
    versionOf,
  } = await import("@lllite/webgpu")
  const { gpu } = navigator
  const start: Parameters<typeof startOnPaths>[0] = (options) => startWebgpu(gpu, { software, ...options })
  const checks = keptChecks(storeOf("webgpu-checks.json"))
  const { device, precision, notices } = await startInPrecision(wanted, start, checks, startOnPaths)
  const version = versionOf(device)
  /** The tiles that are fastest here. */
  const tuned = async (): Promise<ProductTiles> => {
    const store = storeOf("webgpu-tiles.json")
    if (precision === "F16") return keptTiles(store, `${version}, matrices`, tuneMatrices)
    const tiles = await keptTiles(store, version)
    // Float16 that a driver computes wrongly is not used.
    return tiles.half && (await checks.half(version)) !== null ? { ...tiles, half: false } : tiles
  }
  // On a software adapter, tuning takes longer than it saves.
  const tiles = device.software ? null : await tuned()
  return {
    backend: "webgpu",
    ops: createWebgpuOps(createComposedOps(), { precision, ...(tiles === null ? {} : { tiles }) }),
    version,
    device: device.software ? "CPU" : "GPU",
    notices,
    loadOptimizer: loadWebgpuOptimizer,
  }
}

const SIMD = new URL("./tfjs-backend-wasm-simd.wasm", import.meta.url).href

/** Addresses of the WASM backend's binaries, which lie beside the worker. The backend's loader uses these names. */
const BINARIES = {
  "tfjs-backend-wasm.wasm": new URL("./tfjs-backend-wasm.wasm", import.meta.url).href,
  "tfjs-backend-wasm-simd.wasm": SIMD,
  // The loader needs an address for this name, too, and never fetches it.
  "tfjs-backend-wasm-threaded-simd.wasm": SIMD,
}

async function startWasm(): Promise<WebRunningBackend> {
  const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm")
  // The build for threads does not export its memory, so our kernels, which save more time, cannot run. Minified, it
  // hangs.
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false)
  setWasmPaths(BINARIES)
  if (!(await tf.setBackend("wasm"))) {
    throw new WebRuntimeError(
      "no-webassembly",
      "TensorFlow.js could not start WebAssembly. Check whether a policy of the page or browser forbids it.",
    )
  }
  await tf.ready()
  const notices: string[] = []
  const ops = await wasmOps(notices)
  return { backend: "wasm", ops, version: `tfjs ${tf.version_core}, WebAssembly, one thread`, device: "CPU", notices }
}

async function wasmOps(notices: string[]): Promise<Ops> {
  const composed = createComposedOps({ products: "looped" })
  const { createWasmOps, WasmOpsError } = await import("@lllite/wasm")
  try {
    return await createWasmOps(composed)
  } catch (error) {
    if (!(error instanceof WasmOpsError)) throw error
    notices.push(`The SIMD kernels are not used, so everything is a few times slower: ${error.message}`)
    return composed
  }
}
