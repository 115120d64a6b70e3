import "@tensorflow/tfjs"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { createDenoiser, type Network } from "./denoiser.ts"
import type { Prediction } from "./names.ts"
import type { PassPosition } from "./pass-position.ts"

const AT = { step: 1, steps: 4, between: true } as const
const x0 = [0.5, -1, 2, 0]
const noise = [1, -0.5, 0.25, -2]

/** A network with the exact prediction for x = x0 + sigma * noise. */
const perfect = (prediction: Prediction, sigma: number): Network => {
  const alpha = 1 / Math.hypot(sigma, 1)
  return () =>
    tf.tensor2d(
      x0.map((value, i) => {
        const eps = noise[i] as number
        return prediction === "epsilon" ? eps : alpha * eps - alpha * sigma * value
      }),
      [1, 4],
    )
}

describe.each<Prediction>(["epsilon", "v"])("a denoiser of %s prediction", (prediction) => {
  it.each([0.03, 1, 14.6])("finds x0 from a perfect prediction at sigma %s", async (sigma) => {
    const x = tf.tensor2d(
      x0.map((value, i) => value + sigma * (noise[i] as number)),
      [1, 4],
    )
    const denoise = createDenoiser(perfect(prediction, sigma), { prediction, timestepOf: () => 0 })
    const denoised = await denoise(x, sigma, AT)
    const values = await denoised.data()
    for (const [i, value] of x0.entries()) expect(values[i]).toBeCloseTo(value, 4)
    tf.dispose([x, denoised])
  })
})

describe("a denoiser", () => {
  it("gives the network an input of unit variance, and the position of the pass", async () => {
    const seen: { values: Float32Array; at: PassPosition }[] = []
    const denoise = createDenoiser(
      async (input, at) => {
        seen.push({ values: (await input.data()) as Float32Array, at })
        return tf.zerosLike(input)
      },
      { prediction: "epsilon", timestepOf: (sigma) => sigma * 100 },
    )
    const x = tf.tensor1d([5, -10])
    tf.dispose([await denoise(x, Math.sqrt(24), AT), x])
    expect(seen[0]?.values[0]).toBeCloseTo(1, 6)
    expect(seen[0]?.values[1]).toBeCloseTo(-2, 6)
    expect(seen[0]?.at).toEqual({ ...AT, sigma: Math.sqrt(24), timestep: 100 * Math.sqrt(24) })
  })

  it("refuses an unknown prediction", () => {
    const options = { prediction: "sample" as Prediction, timestepOf: () => 0 }
    expect(() => createDenoiser((input) => tf.clone(input), options)).toThrow(/no prediction "sample".*epsilon, v/)
  })

  it("leaves one new tensor, and none when the network fails", async () => {
    const x = tf.tensor1d([1, 2])
    const before = tf.memory().numTensors
    const good = createDenoiser((input) => tf.clone(input), { prediction: "v", timestepOf: () => 1 })
    const denoised = await good(x, 2, AT)
    expect(tf.memory().numTensors).toBe(before + 1)
    denoised.dispose()
    const bad = createDenoiser(() => Promise.reject(new Error("lost device")), {
      prediction: "epsilon",
      timestepOf: () => 1,
    })
    await expect(bad(x, 2, AT)).rejects.toThrow("lost device")
    expect(tf.memory().numTensors).toBe(before)
    x.dispose()
  })
})
