import { CoreError } from "@lllite/core"
import { listText, valueText } from "@lllite/core/names"
import type { Ops } from "@lllite/core/ops"
import { createComposedOps, registerGradients } from "@lllite/core/ops"
import { InputError } from "../errors.ts"
import type { NodeBackend } from "./names.ts"
import { NODE_BACKENDS } from "./names.ts"
import type { NodeRunningBackend, StartOptions } from "./started-backend.ts"

/**
 * Starts a backend of tfjs in this thread, with the ops that suit it. Backends and gradients are registered here.
 * Importing this file registers nothing, so a program that starts no backend loads none.
 *
 * @throws InputError if TensorFlow or WebGPU is named and not installed; for an option that it does not take; or if the
 * backend does not start
 */
export async function startBackend(backend: NodeBackend, options: StartOptions = {}): Promise<NodeRunningBackend> {
  if (!NODE_BACKENDS.includes(backend)) {
    throw new CoreError(
      "option-unknown",
      `backend: it is ${valueText(backend)}, expected one of ${NODE_BACKENDS.join(", ")}.`,
    )
  }
  const { precision } = options
  for (const [name, value, usual, takers] of [
    ["graphs", options.graphs, true, ["tensorflow"]],
    ["precision", precision, "F32", [precision === "F16" ? "webgpu" : "tensorflow"]],
    ["weights", options.weights, "file", options.weights === "F32" ? NODE_BACKENDS : ["tensorflow", "webgpu"]],
  ] as const) {
    if (value === undefined || value === usual || takers.some((taker) => taker === backend)) continue
    throw new InputError(
      "backend-option",
      `${name} "${value}" needs the backend ${listText(
        takers.map((taker) => `"${taker}"`),
        "or",
      )}, got "${backend}". Leave ${name} out, or choose such a backend.`,
    )
  }
  if (backend === "tensorflow") {
    const { startTensorflow } = await import("../tensorflow/start.ts")
    return startTensorflow({ ...options, precision: precision === "BF16" ? precision : "F32" })
  }
  if (backend === "webgpu") {
    const { startDawn } = await import("../webgpu/start.ts")
    return startDawn({ ...options, precision: precision === "F16" ? precision : "F32" })
  }
  const tf = await import("@tensorflow/tfjs-core")
  await registerGradients()
  if (backend === "wasm") await import("@tensorflow/tfjs-backend-wasm")
  else await import("@tensorflow/tfjs-backend-cpu")
  const started = await tf.setBackend(backend)
  if (!started) {
    throw new InputError(
      "backend-start",
      `backend "${backend}": TensorFlow.js did not start it. Is there enough memory? Close some programs, or choose another backend: ${NODE_BACKENDS.join(", ")}.`,
    )
  }
  await tf.ready()
  return { backend, ops: await opsOf(backend), version: `tfjs ${tf.version_core}`, device: "CPU", notices: [] }
}

async function opsOf(backend: "wasm" | "cpu"): Promise<Ops> {
  if (backend === "cpu") return createComposedOps()
  const { createWasmOps } = await import("@lllite/wasm")
  return createWasmOps(createComposedOps({ products: "looped" }))
}
