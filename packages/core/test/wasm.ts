import * as tf from "@tensorflow/tfjs"
import "@tensorflow/tfjs-backend-wasm"
import type { Ops } from "../src/ops/index.ts"
import { createComposedOps } from "../src/ops/index.ts"

/** Starts tfjs's WASM backend, on which the tests of networks run. */
export async function startWasm(): Promise<Ops> {
  await tf.setBackend("wasm")
  await tf.ready()
  return createComposedOps({ products: "looped" })
}
