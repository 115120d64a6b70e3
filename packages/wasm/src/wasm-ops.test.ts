import { createComposedOps } from "@lllite/core/ops"
import { checkOps } from "@lllite/core/testing"
import * as tf from "@tensorflow/tfjs"
import "@tensorflow/tfjs-backend-wasm"
import { afterEach, describe, expect, it, vi } from "vitest"
import { createWasmOps } from "./wasm-ops.ts"

afterEach(() => void vi.restoreAllMocks())

describe("createWasmOps", () => {
  it.each([
    ["the SIMD that the engine has", []],
    ["plain SIMD", [false]],
  ])("keeps the contract of ops with %s", async (_, answers) => {
    await tf.setBackend("wasm")
    const validate = vi.spyOn(WebAssembly, "validate")
    for (const answer of answers) validate.mockReturnValueOnce(answer)
    const results = await checkOps(await createWasmOps(createComposedOps({ products: "looped" })))
    expect(results.filter(({ ok }) => !ok)).toEqual([])
  })

  it("refuses an engine without SIMD", async () => {
    await tf.setBackend("wasm")
    vi.spyOn(WebAssembly, "validate").mockReturnValue(false)
    await expect(createWasmOps(createComposedOps())).rejects.toThrow(/does not run WebAssembly with SIMD/)
  })

  it("refuses what its heap cannot hold, and computes on", async () => {
    await tf.setBackend("wasm")
    const ops = await createWasmOps(createComposedOps())
    const one = { name: "weight", dtype: "F32", shape: [1, 1, 1, 1], read: async () => new Uint8Array(4) } as const
    const weight = await ops.load.conv2d(one, null)
    const x = tf.ones<tf.Rank.R4>([1, 1, 1, 1])
    const before = tf.memory().numTensors
    // Of 2^32 values, 2^34 bytes: no bit of their number is left in 32.
    const padding = [65535, 0, 65535, 0] as const
    expect(() => ops.conv2d(x, weight, { stride: 1, padding })).toThrow(/no room for \[1, 65536, 65536, 1\]/)
    expect(() => tf.tidy(() => tf.fill([65536, 65536], 1))).toThrow(/no room for/)
    expect(tf.memory().numTensors).toBe(before)
    expect(await ops.silu(x).data()).toEqual(await tf.mul(x, tf.sigmoid(x)).data())
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

  it("uses memory for a frozen weight once, for its gradient once more, and frees all of it", async () => {
    await tf.setBackend("wasm")
    const ops = await createWasmOps(createComposedOps())
    const entry = {
      name: "weight",
      dtype: "F32",
      shape: [16, 8, 3, 3],
      read: async () => new Uint8Array(4 * 1152),
    } as const
    const before = tf.memory()
    const weight = await ops.load.conv2d(entry, null)
    const x = tf.ones<tf.Rank.R4>([1, 4, 4, 8])
    const options = { stride: 1, padding: [1, 1, 1, 1] } as const
    const bytes = (): number => tf.memory().numBytes - before.numBytes - 4 * x.size
    ops.conv2d(x, weight, options).dispose()
    expect([bytes(), weight.bytes]).toEqual([4 * 1152, 4 * 1152])
    for (let i = 0; i < 2; i++) tf.dispose(tf.grad((x) => ops.conv2d(x as tf.Tensor4D, weight, options))(x))
    expect(bytes()).toBe(2 * 4 * 1152)
    tf.dispose(x)
    weight.dispose()
    expect(tf.memory()).toMatchObject({ numTensors: before.numTensors, numBytes: before.numBytes })
  })

  it("holds a filter of 3×3 once more for each direction in which it runs in tiles", async () => {
    await tf.setBackend("wasm")
    const ops = await createWasmOps(createComposedOps())
    const values = 16 * 32 * 9
    const entry = {
      name: "weight",
      dtype: "F32",
      shape: [32, 16, 3, 3],
      read: async () => new Uint8Array(4 * values),
    } as const
    const before = tf.memory()
    const weight = await ops.load.conv2d(entry, null)
    const x = tf.ones<tf.Rank.R4>([1, 4, 4, 16])
    const options = { stride: 1, padding: [1, 1, 1, 1] } as const
    const held = (): number => (tf.memory().numBytes - before.numBytes - 4 * x.size) / (4 * values)
    ops.conv2d(x, weight, options).dispose()
    expect(held()).toBeCloseTo(1 + 36 / 9)
    for (let i = 0; i < 2; i++) tf.dispose(tf.grad((x) => ops.conv2d(x as tf.Tensor4D, weight, options))(x))
    expect(held()).toBeCloseTo(1 + 72 / 9)
    tf.dispose(x)
    weight.dispose()
    expect(tf.memory()).toMatchObject({ numTensors: before.numTensors, numBytes: before.numBytes })
  })

  it("makes clones share values, and keeps the values until the last clone is disposed", async () => {
    await tf.setBackend("wasm")
    await createWasmOps(createComposedOps())
    const before = tf.memory().numDataBuffers
    const x = tf.tensor([1, 2, 3])
    const clone = x.clone()
    expect(tf.memory().numDataBuffers - before).toBe(1)
    x.dispose()
    expect([...(await clone.data())]).toEqual([1, 2, 3])
    clone.dispose()
    expect(tf.memory().numDataBuffers).toBe(before)
  })

  it("survives the growth of the heap", async () => {
    await tf.setBackend("wasm")
    const ops = await createWasmOps(createComposedOps())
    const before = ops.silu(tf.tensor([1, 2, 3]))
    // Larger than the first heap of the backend, so that the memory moves.
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

  it("refuses shapes that do not fit, and names the op", async () => {
    await tf.setBackend("wasm")
    const ops = await createWasmOps(createComposedOps())
    const tokens = tf.zeros<tf.Rank.R3>([1, 4, 6])
    const options = { heads: 4, causal: false }
    expect(() => ops.attention(tokens, tokens, tokens, options)).toThrow(/attention: q \[1, 4, 6\].* 4 heads/)
    expect(() => ops.geglu(tf.zeros([2, 3]))).toThrow(/geglu: h is \[2, 3\]/)
    const entry = (shape: readonly number[]) =>
      ({ name: "weight", dtype: "F32", shape, read: async () => new Uint8Array(4 * 36) }) as const
    const linear = await ops.load.linear(entry([9, 4]), null)
    expect(() => ops.linear(tokens, linear)).toThrow(/linear: x is \[1, 4, 6\], expected a last axis of 4/)
    const conv = await ops.load.conv2d(entry([1, 4, 3, 3]), null)
    const options2d = { stride: 1, padding: [0, 0, 0, 0] } as const
    expect(() => ops.conv2d(tf.zeros([1, 2, 5, 4]), conv, options2d)).toThrow(/conv2d: x is .* at least 3×3 pixels/)
    await expect(ops.load.linear(entry([36]), null)).rejects.toThrow(/"weight" is \[36\], expected 2 dimensions/)
    await expect(ops.load.linear(entry([9, 4]), entry([4]))).rejects.toThrow(/"weight" is \[4\], expected \[9\]/)
    expect(() => ops.silu(tf.zeros([2], "int32"))).toThrow(/int32, expected float32/)
  })
})
