import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it } from "vitest"
import { startWasm } from "../../../test/wasm.ts"
import type { Ops } from "../ops.ts"
import { createComposedOps } from "./index.ts"
import { entry, kernelsOf, makeGradient, wave } from "./numbers.test-help.ts"

let ops: Ops
beforeAll(async () => {
  ops = await startWasm()
})

describe("the cost", () => {
  const conv = (height: number, width: number) =>
    ops.load.conv2d(entry("w", [1, 1, height, width], wave([height * width], 1)), entry("b", [1], wave([1], 1)))

  it("of a convolution that keeps the size is one kernel, forward and back", async () => {
    for (const [height, width, padding] of [
      [3, 3, [1, 1, 1, 1]],
      [1, 3, [0, 0, 1, 1]],
      [3, 1, [1, 1, 0, 0]],
      [1, 1, [0, 0, 0, 0]],
    ] as const) {
      const weight = await conv(height, width)
      const run = (x: Tensor): Tensor => ops.conv2d(x as Tensor4D, weight, { stride: 1, padding })
      const x = tf.zeros([1, 4, 6, 1])
      expect(await kernelsOf(() => run(x))).toEqual(["FusedConv2D"])
      makeGradient(run, x)
      const names = await kernelsOf(() => tf.grad(run)(x, x))
      expect(names.filter((name) => /Conv2D|Pad|Slice/.test(name))).toEqual(["FusedConv2D", "Conv2D"])
      tf.dispose(x)
      weight.dispose()
    }
  })

  it("of a convolution with other padding is that of the padding, and of none where it is 0", async () => {
    const weight = await conv(3, 3)
    const x = tf.zeros<tf.Rank.R4>([1, 4, 6, 1])
    const paddings = [
      [0, 1, 0, 1],
      [1, 0, 1, 1],
      [1, 1, 0, 1],
      [1, 1, 0, 0],
      [0, 0, 1, 1],
    ] as const
    for (const padding of paddings) {
      expect(await kernelsOf(() => ops.conv2d(x, weight, { stride: 1, padding }))).toEqual(["PadV2", "FusedConv2D"])
    }
    expect(await kernelsOf(() => ops.conv2d(x, weight, { stride: 1, padding: [0, 0, 0, 0] }))).toEqual(["FusedConv2D"])
    expect(await kernelsOf(() => ops.conv2d(x, weight, { stride: 2, padding: [1, 1, 1, 1] }))).toContain("PadV2")
    tf.dispose(x)
    weight.dispose()
  })

  it("of looped products is a product for each row and head, and of batched ones a single one", async () => {
    const x = tf.tensor3d(wave([2, 3, 4], 1), [2, 3, 4])
    const products = async (kind?: "batched" | "looped"): Promise<number> => {
      const { attention } = createComposedOps(kind === undefined ? {} : { products: kind })
      const names = await kernelsOf(() => attention(x, x, x, { heads: 2, causal: false }))
      return names.filter((name) => /MatMul/.test(name)).length
    }
    expect([await products(), await products("batched"), await products("looped")]).toEqual([2, 2, 2 * 4])
    x.dispose()
  })
})

describe("a weight", () => {
  it("keeps what its first gradient needs, also made inside of a tidy, until it is disposed", async () => {
    const before = tf.memory().numTensors
    const linear = await ops.load.linear(entry("w", [3, 2], wave([3, 2], 2)), null)
    const filter = await ops.load.conv2d(entry("f", [1, 1, 3, 3], wave([9], 2)), null)
    const loaded = tf.memory().numTensors
    expect(loaded).toBe(before + 2)
    const [row, picture] = [tf.ones([1, 2]), tf.ones([1, 3, 3, 1])]
    const options = { stride: 1, padding: [1, 1, 1, 1] } as const
    const runs = [
      [(x: Tensor) => ops.linear(x, linear), row],
      [(x: Tensor) => ops.conv2d(x as Tensor4D, filter, options), picture],
    ] as const
    for (const [run, x] of runs) {
      // A value alone needs nothing more.
      const start = tf.memory().numTensors
      run(x).dispose()
      expect(tf.memory().numTensors).toBe(start)
      for (let i = 0; i < 2; i++) {
        makeGradient(run, x)
        expect(tf.memory().numTensors).toBe(start + 1)
      }
    }
    linear.dispose()
    filter.dispose()
    tf.dispose([row, picture])
    expect(tf.memory().numTensors).toBe(before)
  })
})
