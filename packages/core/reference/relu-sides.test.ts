import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, expect, it } from "vitest"
import type { Ops } from "../src/ops/ops.ts"
import { startWasm } from "../test/wasm.ts"
import { findNearZero, otherSide } from "./relu-sides.ts"

let ops: Ops
beforeAll(async () => {
  ops = await startWasm()
})

const JOINED = ["adapt", "adaptGroup", "denseStack", "runPart"] as const

/** Ops as a backend has them that joins adapters. The joined verbs are not called here. */
function joining(): Ops {
  const never = (): never => {
    throw new Error("a joined verb was called")
  }
  return { ...ops, adapt: never, adaptGroup: never, denseStack: never, runPart: never }
}

it("finds inputs of ReLUs near zero, with no verb that would hide a ReLU", async () => {
  const found = await findNearZero(joining(), async (own) => {
    for (const verb of JOINED) expect(own[verb]).toBeUndefined()
    tf.tidy(() => own.relu(tf.tensor1d([4, 1e-6, -2])))
  })
  expect(found.map(({ call, index }) => [call, index])).toEqual([[0, 1]])
})

it("puts one input on the other side of zero", async () => {
  const own = otherSide(joining(), { call: 1, index: 2, value: -0.5 })
  for (const verb of JOINED) expect(own[verb]).toBeUndefined()
  const x = tf.tensor1d([1, -1, -0.5])
  expect([...(await own.relu(x).data())]).toEqual([1, 0, 0])
  expect([...(await own.relu(x).data())]).toEqual([1, 0, 0.5])
})
