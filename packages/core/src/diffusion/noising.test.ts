import "@tensorflow/tfjs"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { addNoise, velocity } from "./noising.ts"

describe("addNoise and velocity", () => {
  it("rotate x0 and noise by the angle of each row's level, so that both can be computed back", async () => {
    const x0 = tf.tensor2d([
      [1, -2],
      [0.5, 3],
    ])
    const noise = tf.tensor2d([
      [0.25, 1],
      [-1, 2],
    ])
    const alphas = [0.99, 0.2]
    const before = tf.memory().numTensors
    const noisy = addNoise(x0, noise, alphas)
    const v = velocity(x0, noise, alphas)
    expect(tf.memory().numTensors).toBe(before + 2)
    const [noisyValues, vValues, x0Values] = [await noisy.data(), await v.data(), await x0.data()]
    for (let i = 0; i < 4; i++) {
      const alpha = alphas[i >> 1] as number
      const back = Math.sqrt(alpha) * (noisyValues[i] as number) - Math.sqrt(1 - alpha) * (vValues[i] as number)
      expect(back).toBeCloseTo(x0Values[i] as number, 5)
    }
    tf.dispose([x0, noise, noisy, v])
  })

  it("refuse a missing level and noise of another shape", () => {
    const x0 = tf.zeros([2, 3])
    const other = tf.zeros([2, 4])
    expect(() => addNoise(x0, x0, [0.5])).toThrow("noise: expected 2 values of ᾱ, one per row, got 1")
    expect(() => velocity(x0, other, [0.5, 0.5])).toThrow(/\[2, 4\]/)
    tf.dispose([x0, other])
  })
})
