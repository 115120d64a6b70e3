import * as tf from "@tensorflow/tfjs"
import "@tensorflow/tfjs-backend-wasm"
import { describe, expect, it } from "vitest"
import { createComposedOps } from "../src/ops/composed/index.ts"
import type { Ops } from "../src/ops/ops.ts"
import { checkOps } from "./ops-contract.ts"

const failures = async (ops: Ops): Promise<unknown[]> => (await checkOps(ops)).filter(({ ok }) => !ok)

describe("the contract of ops", () => {
  it.each([
    ["cpu", "batched"],
    ["wasm", "batched"],
    ["wasm", "looped"],
  ] as const)("is kept by composed ops on %s with %s products", async (backend, products) => {
    await tf.setBackend(backend)
    const { load, ...verbs } = createComposedOps({ products })
    const results = await checkOps({ load, ...verbs })
    expect(results.filter(({ ok }) => !ok)).toEqual([])
    const visited = new Set(results.map((result) => result.case.split(/[: ]/)[0]))
    // Optional ops are composed of the others.
    const optional = [
      ...["adapt", "adaptGroup", "conv2dShift", "denseStack", "groupNormBeside", "layerNormBeside", "linearEach"],
      ...["linearGeglu", "selfAttention"],
    ]
    expect([...visited].sort()).toEqual([...Object.keys(verbs), ...optional, "load"].sort())
  })

  it("finds a wrong value, a wrong gradient, a changed input and a leak", async () => {
    await tf.setBackend("cpu")
    const ops = createComposedOps()
    const broken: Ops = {
      ...ops,
      gelu: (x) => tf.mul(ops.gelu(x), 1.001),
      // Right value, no gradient through the gate.
      silu: (x) => tf.customGrad((x) => ({ value: ops.silu(x as tf.Tensor), gradFunc: (dy) => [dy] }))(x),
      relu: (x) => {
        const y = ops.relu(x)
        ;(x.dataSync() as Float32Array)[0] = 7
        return y
      },
      upsample2x: (x) => {
        tf.keep(tf.scalar(1))
        return ops.upsample2x(x)
      },
      load: {
        ...ops.load,
        linear: async (weight, bias) => {
          const early = tf.keep(tf.scalar(1))
          const linear = await ops.load.linear(weight, bias)
          early.dispose()
          return linear
        },
      },
    }
    const seen = (await failures(broken)).map((result) => (result as { case: string }).case)
    expect(seen).toEqual(
      expect.arrayContaining([
        "gelu: with tails, value",
        "gelu: with tails, gradient of input 0",
        "silu: with tails, gradient of input 0",
        "relu: with tails, inputs are left alone",
        "upsample2x: one pixel, tensors left behind",
        "load linear, tensors left behind by a failure",
      ]),
    )
    expect(seen.filter((name) => !/^(gelu|silu|relu|upsample2x|load linear)/.test(name))).toEqual([])
  })
  it("has inputs of the dtype that the ops store, for the formula as well", async () => {
    await tf.setBackend("cpu")
    const ops = createComposedOps()
    const read: Float32Array[] = []
    const stored: Ops = {
      ...ops,
      silu: (x) => {
        read.push(Float32Array.from(x.dataSync()))
        return ops.silu(x)
      },
    }
    const isWanted = (name: string): boolean => name.startsWith("silu")
    const results = await checkOps(stored, { isWanted, stored: "BF16" })
    expect(results.filter(({ ok }) => !ok)).toEqual([])
    // The lower half of a float32 is empty in bfloat16.
    const bits = read.flatMap((values) => [...new Uint32Array(values.buffer)])
    expect(bits.length).toBeGreaterThan(100)
    expect(bits.filter((value) => (value & 0xffff) !== 0)).toEqual([])
  })
})
