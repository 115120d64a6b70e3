import { createComposedOps, type Ops } from "@lllite/core/ops"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needsAdapter, start } from "../../test/start.ts"
import type { WebgpuDevice } from "../device/start.ts"
import { checkHalf } from "./check-half.ts"

describe("the check of float16", needsAdapter, () => {
  let webgpu: WebgpuDevice
  let ops: Ops
  beforeAll(async () => {
    webgpu = await start()
    ops = createComposedOps()
  })
  afterAll(() => webgpu.dispose())

  it("passes a driver whose products are right, and leaves nothing behind", async () => {
    const before = tf.memory().numTensors
    expect(await checkHalf()).toBeNull()
    expect(tf.memory().numTensors).toBe(before)
  })

  it("names a wrong value, and a wrong slope", async () => {
    const value = { ...ops, linear: (x, weight) => tf.mul(ops.linear(x, weight), 1.001) } satisfies Ops
    expect(await checkHalf(value)).toMatch(/^a product of 37×72 and 72×44 with float16 weights is 1\.0e-3 apart/)
    const slope = {
      ...ops,
      linear: (x, weight) =>
        tf.customGrad((x) => ({
          value: ops.linear(x as tf.Tensor, weight),
          gradFunc: () => [tf.zerosLike(x as tf.Tensor)],
        }))(x),
    } satisfies Ops
    expect(await checkHalf(slope)).toMatch(/is 1\.0e\+0 apart/)
  })
})
