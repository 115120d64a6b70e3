import { createComposedOps } from "@lllite/core"
import { checkOps } from "@lllite/core/testing"
import * as tf from "@tensorflow/tfjs"
import "@tensorflow/tfjs-backend-wasm"
import { describe, expect, it } from "vitest"
import { createWasmOps } from "./wasm-ops.ts"

describe("createWasmOps", () => {
  it("keeps the contract of ops", async () => {
    await tf.setBackend("wasm")
    const results = await checkOps(await createWasmOps(createComposedOps({ products: "looped" })))
    expect(results.filter(({ ok }) => !ok)).toEqual([])
  })

  it("gives the same bits every time", async () => {
    await tf.setBackend("wasm")
    const ops = await createWasmOps(createComposedOps())
    const [q, k, v] = [1, 2, 3].map((seed) => tf.randomNormal([2, 45, 12], 0, 1, "float32", seed)) as tf.Tensor3D[]
    const once = (): Promise<number[][]> =>
      Promise.all(
        tf
          .grads((q, k, v) =>
            ops.attention(q as tf.Tensor3D, k as tf.Tensor3D, v as tf.Tensor3D, { heads: 3, causal: true }),
          )([q, k, v] as tf.Tensor3D[])
          .map(async (gradient) => [...(await gradient.data())]),
      )
    expect(await once()).toEqual(await once())
  })

  it("survives the growth of the heap", async () => {
    await tf.setBackend("wasm")
    const ops = await createWasmOps(createComposedOps())
    const before = ops.silu(tf.tensor([1, 2, 3]))
    // Larger than the backend's heap at its start, so that the memory moves.
    const large = tf.zeros([24, 1024, 1024])
    expect(await ops.silu(tf.tensor([1, 2, 3])).data()).toEqual(await before.data())
    large.dispose()
  })

  it("takes tensors that were made on another backend", async () => {
    await tf.setBackend("cpu")
    const x = tf.tensor([1, -1])
    await tf.setBackend("wasm")
    const ops = await createWasmOps(createComposedOps())
    const y = await ops.relu(x).data()
    expect([...y]).toEqual([1, 0])
  })

  it("refuses another backend, when created and when run", async () => {
    await tf.setBackend("wasm")
    const ops = await createWasmOps(createComposedOps())
    await tf.setBackend("cpu")
    await expect(createWasmOps(createComposedOps())).rejects.toThrow(/"cpu", expected "wasm"/)
    expect(() => ops.silu(tf.tensor([1]))).toThrow(/created on another one/)
  })

  it("refuses shapes that do not fit, by name", async () => {
    await tf.setBackend("wasm")
    const ops = await createWasmOps(createComposedOps())
    const tokens = tf.zeros<tf.Rank.R3>([1, 4, 6])
    const options = { heads: 4, causal: false }
    expect(() => ops.attention(tokens, tokens, tokens, options)).toThrow(/attention: q \[1, 4, 6\].* 4 heads/)
    expect(() => ops.geglu(tf.zeros([2, 3]))).toThrow(/geglu: h is \[2, 3\]/)
    expect(() => ops.silu(tf.zeros([2], "int32"))).toThrow(/int32, expected float32/)
  })
})
