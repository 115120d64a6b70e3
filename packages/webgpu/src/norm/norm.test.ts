import { createComposedOps, type WeightEntry } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { needsAdapter, start } from "../../test/start.ts"
import { openGpu } from "../gpu.ts"
import { createWebgpuOps } from "../webgpu-ops.ts"

const WIDTH = 70

function entry(name: string): WeightEntry {
  const values = createStream(1, name).normal(WIDTH)
  return { name, dtype: "F32", shape: [WIDTH], read: async () => new Uint8Array(values.buffer) }
}

/** Values and gradients of both norms at one input. */
async function normed(): Promise<number[][]> {
  const ops = createWebgpuOps(createComposedOps())
  const weight = await ops.load.norm(entry("scale"), entry("shift"))
  const x = tf.tensor4d(createStream(1, "x").normal(2 * 9 * 7 * WIDTH), [2, 9, 7, WIDTH])
  const results = tf.tidy(() =>
    [
      (x: tf.Tensor) => ops.layerNorm(x, weight, 1e-5),
      (x: tf.Tensor) => ops.groupNorm(x as tf.Tensor4D, weight, { groups: 7, epsilon: 1e-5, silu: true }),
    ].flatMap((norm) => [norm(x), tf.grad(norm)(x, tf.square(x))]),
  )
  const values = await Promise.all(results.map(async (result) => [...(await result.data())]))
  weight.dispose()
  return values
}

describe("norms on WebGPU", needsAdapter, () => {
  it("have the same bits with and without exchange in registers", async (context) => {
    const device = await start()
    const { reach } = openGpu().features
    if (!device.device.features.has("subgroups")) return context.skip("needs an adapter with subgroups")
    expect(reach).toBeGreaterThan(1)
    const exchanged = await normed()
    device.dispose()

    const plain = await start({ features: [] })
    expect(openGpu().features).toEqual({ float16: false, matrices: null, reach: 1 })
    expect(await normed()).toEqual(exchanged)
    expect(new Set(exchanged.flat()).size).toBeGreaterThan(1000)
    plain.dispose()
  })
})
