import "@tensorflow/tfjs-backend-cpu"
import * as tf from "@tensorflow/tfjs-core"
import { expect, it } from "vitest"
import { createComposedOps } from "../ops/composed/index.ts"
import type { Ops } from "../ops/ops.ts"
import { measureSpeed } from "./speed.ts"

/** Ops whose products are small, and which count what they compute. */
function countingOps(after: (computed: number) => void): { readonly ops: Ops; computed(): number } {
  const composed = createComposedOps()
  let computed = 0
  const count = (): tf.Tensor => {
    computed += 1
    after(computed)
    return tf.ones([1])
  }
  const load: Ops["load"] = {
    ...composed.load,
    linear: async () => ({ bytes: 4, parameters: 1, shape: [1, 1], dispose() {} }) as never,
  }
  const ops = { ...composed, load, dense: count, linear: count, silu: count } as unknown as Ops
  return { ops, computed: () => computed }
}

it("stops between two computations, with the signal's reason, and keeps nothing", async () => {
  const before = tf.memory().numTensors
  for (const moment of [1, 2, 7]) {
    const controller = new AbortController()
    const { ops, computed } = countingOps((done) => {
      if (done === moment) controller.abort(new Error("enough"))
    })
    await expect(measureSpeed(ops, "F32", { signal: controller.signal })).rejects.toThrow("enough")
    expect(computed()).toBe(moment)
  }
  expect(tf.memory().numTensors).toBe(before)
})

it("measures nothing for a signal that has come already", async () => {
  const { ops, computed } = countingOps(() => {})
  const signal = AbortSignal.abort(new Error("too late"))
  await expect(measureSpeed(ops, "F32", { signal })).rejects.toThrow("too late")
  expect(computed()).toBe(0)
})
