import type { Ops, WeightEntry } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"
import { checkOps } from "@lllite/core/testing"
import type { FloatDtype } from "@lllite/format"
import { fromFloat32 } from "@lllite/format/write"
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it, vi } from "vitest"
import { needs } from "../../../../format/test/needs.ts"
import { startBackend } from "../../backends/start.ts"
import type { TensorflowBackend } from "../binding.ts"
import { kernelsHere } from "../graph/own-product.test-help.ts"
import type { GraphAbilities } from "../graph/trial.ts"
import { createTensorflowOps, graphAbilities } from "./index.ts"

const addon = kernelsHere()
const entry = (dtype: FloatDtype, ...shape: readonly number[]): WeightEntry => {
  const values = createStream(3, "w").normal(shape.reduce((product, size) => product * size, 1))
  return { name: "w", dtype, shape, read: async () => fromFloat32(values, dtype) }
}
const random = (...shape: number[]): Tensor => tf.randomNormal(shape, 0, 1, "float32", 7)
/** The names of the ops that work runs. */
const opsOf = (work: () => void): readonly string[] => {
  const { binding } = tf.backend() as TensorflowBackend
  const calls = vi.spyOn(binding, "executeOp")
  try {
    work()
    return calls.mock.calls.map(([name]) => name)
  } finally {
    calls.mockRestore()
  }
}
const apart = (got: Tensor, expected: Tensor): number =>
  tf.tidy(() => tf.div(tf.max(tf.abs(tf.sub(got, expected))), tf.max(tf.abs(expected))).dataSync()[0] as number)

describe("products op by op", needs(typeof addon === "string" ? addon : "", typeof addon !== "string"), () => {
  let stock: Ops
  let own: Ops
  let abilities: GraphAbilities
  beforeAll(async () => {
    await startBackend("tensorflow")
    abilities = graphAbilities()
    expect(abilities.hasProducts).toBe(true)
    own = createTensorflowOps({ graphs: abilities })
    stock = createTensorflowOps({ graphs: { ...abilities, hasProducts: false } })
  })

  it.each(["F16", "BF16", "F32"] as const)("are ours, and read weights in %s without a cast", async (dtype) => {
    const linear = await own.load.linear(entry(dtype, 40, 24), entry("F32", 40))
    const conv = await own.load.conv2d(entry(dtype, 256, 260, 3, 3), entry("F32", 256))
    tf.tidy(() => {
      const [tokens, picture] = [random(2, 9, 24), random(1, 6, 8, 260)]
      const cases: readonly (readonly [(ops: Ops, x: Tensor) => Tensor, Tensor])[] = [
        [(ops, x) => ops.linear(x, linear), tokens],
        [(ops, x) => ops.conv2d(x as Tensor4D, conv, { stride: 1, padding: [1, 1, 1, 1] }), picture],
        [(ops, x) => ops.conv2d(x as Tensor4D, conv, { stride: 2, padding: [0, 1, 0, 1] }), picture],
        [(ops, x) => ops.conv2d(x as Tensor4D, conv, { stride: 1, padding: [0, 0, 0, 0] }), picture],
      ]
      for (const [run, x] of cases) {
        const used = opsOf(() => expect(apart(run(own, x), run(stock, x))).toBeLessThan(1e-5))
        expect(used.filter((name) => name === "LlliteProduct")).toHaveLength(1)
        const back = (ops: Ops) => tf.grad((x: Tensor) => run(ops, x))(x)
        const usedBack = opsOf(() => back(own))
        expect(usedBack.filter((name) => name === "LlliteProduct")).toHaveLength(2)
        expect(usedBack).not.toContain("Cast")
        expect(apart(back(own), back(stock))).toBeLessThan(1e-5)
      }
    })
    linear.dispose()
    conv.dispose()
  })

  it("are TensorFlow's for one token, few channels and filters of one pixel", async () => {
    const linear = await own.load.linear(entry("F16", 40, 24), null)
    const narrow = await own.load.conv2d(entry("F16", 8, 260, 3, 3), null)
    const pixel = await own.load.conv2d(entry("F16", 256, 256, 1, 1), null)
    const plain = { stride: 1, padding: [0, 0, 0, 0] } as const
    tf.tidy(() => {
      const used = opsOf(() => {
        own.linear(random(1, 24), linear)
        own.conv2d(random(1, 4, 4, 260) as Tensor4D, narrow, plain)
        own.conv2d(random(1, 4, 4, 256) as Tensor4D, pixel, plain)
      })
      expect(used).not.toContain("LlliteProduct")
    })
    for (const weight of [linear, narrow, pixel]) weight.dispose()
  })

  it("keep the contract of every op", async () => {
    const results = await checkOps(own)
    expect(results.filter(({ ok }) => !ok)).toEqual([])
  })

  it("are ours in bfloat16, too, with sums of float32", async () => {
    const exact = await own.load.linear(entry("F32", 40, 24), null)
    const linear = await own.load.linear(entry("BF16", 40, 24), null)
    tf.tidy(() => {
      const x = random(20, 24)
      const y = createTensorflowOps({ graphs: abilities, compute: "BF16" }).linear(x, linear)
      expect(apart(y, own.linear(x, linear))).toBe(0)
      expect(apart(y, own.linear(x, exact))).toBeLessThan(1e-2)
    })
    for (const weight of [exact, linear]) weight.dispose()
  })
})
