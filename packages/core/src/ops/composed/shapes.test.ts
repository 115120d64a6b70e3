import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, beforeEach, describe, expect, it } from "vitest"
import { startWasm } from "../../../test/wasm.ts"
import type { Ops } from "../ops.ts"
import type { WeightEntry } from "../weight-entry.ts"
import { createComposedOps } from "./index.ts"

let ops: Ops
let tensors = 0
beforeAll(async () => {
  await startWasm()
  ops = createComposedOps()
})
beforeEach(() => {
  tensors = tf.memory().numTensors
})

/** A weight of F32 values 0, 1, 2 … */
const entry = (name: string, shape: readonly number[]): WeightEntry => ({
  name,
  dtype: "F32",
  shape,
  read: async () =>
    new Uint8Array(Float32Array.from({ length: tf.util.sizeFromShape([...shape]) }, (_, i) => i).buffer),
})

describe("weights of another shape are refused by name, and leave nothing behind", () => {
  it.each([
    ["a list for a matrix", () => ops.load.linear(entry("w", [4]), null), '"w" is [4], expected 2 dimensions'],
    ["a matrix for a filter", () => ops.load.conv2d(entry("w", [4, 3]), null), '"w" is [4, 3], expected 4 dimensions'],
    ["a matrix for a norm", () => ops.load.norm(entry("w", [4, 3]), entry("b", [4])), "expected 1 dimensions"],
    ["a list for a table", () => ops.load.table(entry("w", [4])), '"w" is [4], expected 2 dimensions'],
    ["a short bias", () => ops.load.linear(entry("w", [4, 3]), entry("b", [3])), '"b" is [3], expected [4]'],
    ["a bias of two axes", () => ops.load.conv2d(entry("w", [4, 3, 1, 1]), entry("b", [4, 1])), '"b" is [4, 1]'],
    ["a shift of another width", () => ops.load.norm(entry("w", [4]), entry("b", [5])), '"b" is [5], expected [4]'],
  ])("%s", async (_, load, said) => {
    await expect(load()).rejects.toThrow(said)
    expect(tf.memory().numTensors).toBe(tensors)
  })

  it("and those that fit say how large they are", async () => {
    const weights = [
      [await ops.load.linear(entry("w", [4, 3]), entry("b", [4])), "linear", [4, 3], 64],
      [await ops.load.linear(entry("w", [4, 3]), null), "linear", [4, 3], 48],
      [await ops.load.conv2d(entry("w", [2, 3, 1, 2]), entry("b", [2])), "conv2d", [2, 3, 1, 2], 56],
      [await ops.load.conv2d(entry("w", [2, 3, 1, 2]), null), "conv2d", [2, 3, 1, 2], 48],
      [await ops.load.norm(entry("w", [4]), entry("b", [4])), "norm", [4], 32],
      [await ops.load.table(entry("w", [5, 3])), "table", [5, 3], 60],
    ] as const
    for (const [weight, kind, shape, bytes] of weights) {
      expect(weight).toMatchObject({ kind, shape, bytes })
      weight.dispose()
    }
    expect(tf.memory().numTensors).toBe(tensors)
  })
})

describe("values of another shape are refused", () => {
  const zeros = <R extends tf.Rank>(...shape: number[]): tf.Tensor<R> =>
    tf.zeros(shape as tf.ShapeMap[R]) as tf.Tensor<R>

  it("by an affine map, a convolution and norms", async () => {
    const linear = await ops.load.linear(entry("w", [4, 3]), null)
    const filter = await ops.load.conv2d(entry("w", [4, 3, 1, 1]), null)
    const norm = await ops.load.norm(entry("w", [4]), entry("b", [4]))
    expect(() => ops.linear(zeros(2, 4), linear)).toThrow("linear: x is [2, 4], expected a last axis of 3")
    const options = { stride: 1, padding: [0, 0, 0, 0] } as const
    expect(() => ops.conv2d(zeros<tf.Rank.R4>(1, 2, 2, 4), filter, options)).toThrow(
      "conv2d: x is [1, 2, 2, 4], expected a last axis of 3",
    )
    expect(() => ops.layerNorm(zeros(2, 3), norm, 1e-5)).toThrow("layerNorm: x is [2, 3], expected a last axis of 4")
    const grouped = (channels: number, groups: number) => () =>
      ops.groupNorm(zeros<tf.Rank.R4>(1, 2, 2, channels), norm, { groups, epsilon: 1e-5, silu: false })
    expect(grouped(8, 2)).toThrow("groupNorm: x is [1, 2, 2, 8], expected 4 channels, a multiple of 2 groups")
    expect(grouped(4, 3)).toThrow("a multiple of 3 groups")
    for (const weight of [linear, filter, norm]) weight.dispose()
  })

  it("by attention", () => {
    const [q, narrow, short] = [
      zeros<tf.Rank.R3>(1, 2, 4),
      zeros<tf.Rank.R3>(1, 2, 2),
      zeros<tf.Rank.R3>(1, 1, 4),
    ] as const
    const refused =
      (k: typeof q, v: typeof q, heads = 2): (() => unknown) =>
      () =>
        ops.attention(q, k, v, { heads, causal: false })
    expect(refused(q, q)).not.toThrow()
    expect(refused(q, q, 3)).toThrow("with 3 heads; expected the same width, a multiple of the heads")
    expect(refused(narrow, q)).toThrow("attention: q [1, 2, 4], k [1, 2, 2], v [1, 2, 4] with 2 heads")
    expect(refused(q, narrow)).toThrow("v [1, 2, 2]")
    expect(refused(short, q)).toThrow("k [1, 1, 4]")
    expect(refused(short, short)).not.toThrow()
  })

  it("by a look-up in a table", async () => {
    const table = await ops.load.table(entry("w", [5, 2]))
    expect([
      ...ops
        .lookUp(table, [
          [4, 0],
          [1, 1],
        ])
        .dataSync(),
    ]).toEqual([8, 9, 0, 1, 2, 3, 2, 3])
    expect(() => ops.lookUp(table, [[0, 1], [2]])).toThrow("look-up: list 1 has 1 indices, expected 2")
    for (const index of [5, -1, 0.5]) {
      expect(() => ops.lookUp(table, [[0, index]])).toThrow(
        `look-up: index ${index} at [0, 1], expected a whole number from 0 to 4`,
      )
    }
  })
})
