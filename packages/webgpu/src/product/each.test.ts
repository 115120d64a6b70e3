import { createComposedOps, type LinearWeight, linearEach, type Ops, type WeightEntry } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"
import { fromFloat32 } from "@lllite/format/write"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { needsAdapter, start } from "../../test/start.ts"
import { openGpu } from "../gpu.ts"
import { createWebgpuOps, type WebgpuDevice } from "../index.ts"
import { createLinearEach } from "./each.ts"

const [ROWS, WIDTH, OUT, COUNT] = [7, 12, 20, 5] as const

describe("layers that read one x", needsAdapter, () => {
  let webgpu: WebgpuDevice
  let ops: Ops
  let layers: readonly LinearWeight[]
  let x: tf.Tensor
  beforeAll(async () => {
    webgpu = await start()
    ops = createWebgpuOps(createComposedOps())
    const entry = (name: string, shape: readonly number[]): WeightEntry => {
      const values = createStream(1, name).normal(tf.util.sizeFromShape([...shape]))
      return { name, dtype: "F32", shape, read: async () => fromFloat32(values, "F32") }
    }
    layers = await Promise.all(
      Array.from({ length: COUNT }, (_, i) => ops.load.linear(entry(`${i}`, [OUT, WIDTH]), entry(`bias ${i}`, [OUT]))),
    )
    x = tf.tensor(createStream(1, "x").normal(ROWS * WIDTH), [ROWS, WIDTH])
  })
  afterAll(() => {
    for (const layer of layers) layer.dispose()
    webgpu.dispose()
  })

  const bitsOf = async (tensors: readonly tf.Tensor[]): Promise<readonly (readonly number[])[]> =>
    Promise.all(tensors.map(async (tensor) => [...(await tensor.data())]))

  it("give what each of them gives alone, to our kernels, tfjs's kernels and reads", async () => {
    const [together, alone] = [linearEach(ops, x, layers), layers.map((layer) => ops.linear(x, layer))]
    for (const change of [(t: tf.Tensor) => t, ops.silu, tf.exp, (t: tf.Tensor) => tf.slice(t, [2, 0], [3, -1])]) {
      const [got, expected] = [together.map(change), alone.map(change)]
      expect(await bitsOf(got)).toEqual(await bitsOf(expected))
      expect((await bitsOf(got)).flat().some((value) => value !== 0)).toBe(true)
    }
    tf.dispose([...together, ...alone])
  })

  it("keep the buffer of their results until the last one is disposed, and then give it back", async () => {
    const inUse = (): number => (tf.memory() as tf.MemoryInfo & { numBytesInGPU: number }).numBytesInGPU
    const other = ops.silu(x)
    const before = inUse()
    const results = linearEach(ops, x, layers)
    const [last] = await bitsOf(results.slice(-1))
    tf.dispose(results.slice(0, -1))
    // A buffer that is free by mistake would be theirs.
    const others = linearEach(ops, other, layers)
    expect(await bitsOf(results.slice(-1))).toEqual([last])
    tf.dispose(results.slice(-1))
    tf.dispose([...others])
    expect(inUse()).toBe(before)
    other.dispose()
  })

  it("are inputs of a pass that is recorded", async () => {
    const results = linearEach(ops, x, layers)
    const expected = await bitsOf(results.map((result) => ops.silu(result)))
    for (const [i, input] of results.entries()) {
      const pass = {
        key: "silu",
        inputs: [input],
        reads: [],
        run: ([y]: readonly tf.Tensor[]) => ops.silu(y as tf.Tensor),
      }
      const y = ops.runPass?.(pass) as tf.Tensor
      expect(await bitsOf([y])).toEqual([expected[i]])
      y.dispose()
    }
    tf.dispose([...results])
  })

  it("are as many at once as fit into a buffer", async () => {
    const gpu = openGpu()
    const run = vi.fn(gpu.run)
    const results = createLinearEach({ ...gpu, run, mostParts: () => 2 }, ops)(x, layers)
    // Two twice, and the last one alone, which is not run by this device.
    expect(run).toHaveBeenCalledTimes(2)
    expect(await bitsOf(results)).toEqual(await bitsOf(layers.map((layer) => ops.linear(x, layer))))
    tf.dispose([...results])
  })
})
