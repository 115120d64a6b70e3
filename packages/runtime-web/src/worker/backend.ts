import type { Ops } from "@lllite/core/ops"
import { createComposedOps, selfCheck } from "@lllite/core/ops"
import type { RunningBackend } from "@lllite/core/worker"
import * as tf from "@tensorflow/tfjs-core"
// TensorFlow.js' core alone knows no gradients.
import "@tensorflow/tfjs-core/dist/register_all_gradients"
import { WebRuntimeError } from "../errors.ts"
import type { WebBackend } from "../types.ts"
import { tileStore } from "./store.ts"

/** A backend that runs in this worker. */
export type WebRunningBackend = RunningBackend<WebBackend>

/**
 * Starts a backend and computes something with it, forward and gradient, before it is trusted.
 *
 * @param software whether a WebGPU adapter that computes on the CPU is taken, which is for tests
 * @throws Error saying why it cannot be used
 */
export async function startBackend(backend: WebBackend, software: boolean): Promise<WebRunningBackend> {
  const started = backend === "webgpu" ? await startGpu(software) : await startWasm()
  await selfCheck(started.ops)
  return started
}

async function startGpu(software: boolean): Promise<WebRunningBackend> {
  if (!("gpu" in navigator) || navigator.gpu === undefined) {
    throw new WebRuntimeError("this browser shows pages no WebGPU.")
  }
  const { createWebgpuOps, keptTiles, loadWebgpuOptimizer, startWebgpu } = await import("@lllite/webgpu")
  const device = await startWebgpu(navigator.gpu, { software })
  const version = ["WebGPU", device.vendor, device.architecture, device.description].filter(Boolean).join(" ")
  // In software, tuning would take longer than it saves.
  const tiles = device.software ? null : await keptTiles(tileStore(), version)
  return {
    backend: "webgpu",
    ops: createWebgpuOps(createComposedOps(), tiles === null ? {} : { tiles }),
    version,
    device: device.software ? "CPU" : "GPU",
    notices: [],
    loadOptimizer: loadWebgpuOptimizer,
  }
}

const SIMD = new URL("./tfjs-backend-wasm-simd.wasm", import.meta.url).href

/** Where the WASM backend's binaries lie: beside the worker. The names are as its loader asks for them. */
const BINARIES = {
  "tfjs-backend-wasm.wasm": new URL("./tfjs-backend-wasm.wasm", import.meta.url).href,
  "tfjs-backend-wasm-simd.wasm": SIMD,
  // It wants an address for this one, too, which is never fetched.
  "tfjs-backend-wasm-threaded-simd.wasm": SIMD,
}

async function startWasm(): Promise<WebRunningBackend> {
  const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm")
  // The build for threads hides its memory from our kernels, which outweigh its threads, and hangs when it is minified.
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false)
  setWasmPaths(BINARIES)
  if (!(await tf.setBackend("wasm"))) {
    throw new WebRuntimeError(
      "TensorFlow.js could not start WebAssembly. Does a policy of this page or browser forbid it?",
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
    notices.push(`The SIMD kernels are not used, which makes everything a few times slower: ${error.message}`)
    return composed
  }
}
