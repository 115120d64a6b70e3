import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it } from "vitest"
import { startWasm } from "../../../test/wasm.ts"
import { createStream } from "../../random/stream.ts"
import { cutLatents, cutLatentValues } from "./latent-patches.ts"

const KERNELS = { 1: [3, 1], 2: [3, 2], 3: [3, 2, 2] } as const
const CHANNELS = 4

describe("patches of latents", () => {
  beforeAll(() => startWasm())
  const drawn = (name: string, shape: number[]): tf.Tensor =>
    tf.tensor(createStream(1, name).normal(shape.reduce((product, side) => product * side, 1)), shape)

  it.each([1, 2, 3] as const)(
    "make products of convolutions at depth %d, which begin with a window of 3x3",
    async (depth) => {
      const latents = drawn("latents", [2, 8, 12, CHANNELS]) as tf.Tensor4D
      const held = tf.memory().numTensors
      const { count, grid, patches } = cutLatents(latents, depth)
      expect(tf.memory().numTensors).toBe(held + 1)
      let [h, wanted]: [tf.Tensor, tf.Tensor4D] = [patches, latents]
      for (const [i, side] of KERNELS[depth].entries()) {
        const [ins, outs] = [i === 0 ? CHANNELS : 5, 5]
        const weight = drawn(`weight ${i}`, [side, side, ins, outs]) as tf.Tensor4D
        wanted = tf.conv2d(wanted, weight, i === 0 ? 1 : side, i === 0 ? "same" : "valid")
        h = tf.matMul(tf.reshape(h, [-1, side * side * ins]), tf.reshape(weight, [side * side * ins, outs]))
      }
      expect([count, grid.height, grid.width]).toEqual(wanted.shape.slice(0, 3))
      const [found, expected] = [await h.data(), await wanted.data()]
      expect(found).toHaveLength(expected.length)
      expect(Math.max(...[...found].map((value, at) => Math.abs(value - (expected[at] ?? 0))))).toBeLessThan(1e-4)
    },
  )

  it("are the same on the host", async () => {
    const latents = drawn("latents", [1, 8, 12, CHANNELS]) as tf.Tensor4D
    const values = (await latents.data()) as Float32Array
    const { patches } = cutLatents(latents, 3)
    expect(cutLatentValues(values, { height: 8, width: 12 }, 3)).toEqual(await patches.data())
  })

  it("are refused where there is not one token", () => {
    expect(() => cutLatentValues(new Float32Array(4 * 3 * CHANNELS), { height: 4, width: 3 }, 3)).toThrow(
      "control image: 24×32 px, expected at least 32×32 px",
    )
    expect(() => cutLatentValues(new Float32Array(3 * 4 * CHANNELS), { height: 3, width: 4 }, 3)).toThrow(
      "control image: 32×24 px, expected at least 32×32 px",
    )
  })
})
