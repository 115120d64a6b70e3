import * as tf from "@tensorflow/tfjs"
import { describe, expect, it } from "vitest"
import { adapt } from "./adapt.ts"
import { checkedVerbs } from "./checked-verbs.ts"
import { createComposedOps } from "./composed/index.ts"
import { linearPlus } from "./joined-verbs.ts"
import type { Ops } from "./ops.ts"

const entry = (shape: readonly number[]) => ({
  name: "x",
  dtype: "F32" as const,
  shape,
  read: async () => new Uint8Array(4 * shape.reduce((product, size) => product * size, 1)),
})

describe("checkedVerbs", () => {
  const ops = createComposedOps()
  const loosely = ops as unknown as Record<string, (...args: readonly unknown[]) => unknown>

  it.each([
    ["silu", [null], /^silu: x is null, expected a tensor$/],
    ["silu", [Promise.resolve()], /a promise that was not awaited/],
    ["upsample2x", [tf.zeros([2, 2])], /^upsample2x: x is \[2, 2\], expected a tensor of 4 axes$/],
    ["linear", [tf.zeros([2, 2]), { kind: "norm" }], /linear: the weight is another object, expected .*"linear"/],
    ["layerNorm", [tf.zeros([2, 2]), { kind: "norm" }, Number.NaN], /layerNorm: epsilon is NaN/],
    [
      "conv2d",
      [tf.zeros([1, 2, 2, 2]), { kind: "conv2d" }, { stride: 3, padding: [0, 0, 0, 0] }],
      /a stride of 1 or 2/,
    ],
    ["conv2d", [tf.zeros([1, 2, 2, 2]), { kind: "conv2d" }, { stride: 1, padding: [1e9, 0, 0, 0] }], /to 65536/],
    ["attention", [...Array(3).fill(tf.zeros([1, 2, 2])), { heads: 0, causal: false }], /heads, a whole number from 1/],
    ["dense", [tf.zeros([2, 2]), tf.zeros([2, 2]), undefined], /dense: the bias is undefined/],
  ])("names the argument of %s that is of another kind", (verb, args, message) => {
    expect(() => loosely[verb]?.(...args)).toThrow(message)
  })

  it("refuses ops without a verb", () => {
    const { silu: _, ...others } = ops
    expect(() => checkedVerbs(others as Ops)).toThrow(/ops is another object, expected what createComposedOps gives/)
  })

  it("refuses a loader's entry that is none", async () => {
    await expect(ops.load.norm(entry([2]), null as never)).rejects.toThrow(/norm: an entry is/)
  })

  it("checks verbs that a runtime may not have", async () => {
    const weight = await ops.load.linear(entry([2, 2]), null)
    const x = tf.zeros([1, 2])
    expect(() => linearPlus(ops, x, weight, "x" as never)).toThrow(/linearPlus: what is added is the text "x"/)
    expect(() => linearPlus({} as Ops, x, weight, x)).toThrow(/linearPlus: the ops is another object/)
    expect(() => adapt(ops, tf.zeros([1, 2, 2]), {} as never, [], [])).toThrow(/adapt: down is another object/)
  })

  it("leaves results as they are", async () => {
    const x = tf.tensor2d([[1, -2]])
    expect([...(await ops.relu(x).data())]).toEqual([1, 0])
  })
})
