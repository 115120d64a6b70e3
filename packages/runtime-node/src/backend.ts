import type { Ops } from "@lllite/core"
import { createComposedOps } from "@lllite/core"

/** Backends that this runtime can run on. */
export const NODE_BACKENDS = ["wasm", "cpu"] as const

/** `wasm` runs anywhere; `cpu` is tfjs's plain JavaScript, slow, and there to check others against. */
export type NodeBackend = (typeof NODE_BACKENDS)[number]

/**
 * Starts a backend of tfjs in this thread, and gives the ops that suit it. Backends and gradients are registered here
 * and not on import, so that a program which never asks for them does not pay.
 *
 * @throws Error if the backend does not start
 */
export async function startBackend(backend: NodeBackend): Promise<Ops> {
  const tf = await import("@tensorflow/tfjs")
  if (backend === "wasm") await import("@tensorflow/tfjs-backend-wasm")
  const started = await tf.setBackend(backend)
  if (!started)
    throw new Error(`backend "${backend}": tfjs did not start it. Choose another of: ${NODE_BACKENDS.join(", ")}.`)
  await tf.ready()
  if (backend === "cpu") return createComposedOps()
  const { createWasmOps } = await import("@lllite/wasm")
  return createWasmOps(createComposedOps({ products: "looped" }))
}
