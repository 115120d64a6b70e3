import "@tensorflow/tfjs"
import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import type { RgbImage } from "../../image.ts"
import { prepareMask } from "../masked-tap.ts"
import {
  type ControlNetResiduals,
  placeResiduals,
  residualScales,
  scaleResiduals,
  sumResiduals,
  tidyResiduals,
} from "./residuals.ts"

/** Residuals of two rows: skips of 1×2 pixels, and a middle of one. */
const residuals = (factor = 1): ControlNetResiduals => ({
  skips: [1, 10].map((value) => tf.fill([2, 1, 2, 1], factor * value) as Tensor4D),
  middle: tf.fill([2, 1, 1, 1], factor * 100) as Tensor4D,
})
const valuesOf = ({ skips, middle }: ControlNetResiduals): readonly (readonly number[])[] =>
  [...skips, middle].map((residual) =>
    [...residual.dataSync<"float32">()].map((value) => Math.round(value * 1e4) / 1e4),
  )

describe("residuals of a ControlNet", () => {
  it("count alike, or in guess mode from a tenth to the whole, as torch.logspace(-1, 0) spaces them", () => {
    expect(residualScales(3, 0.5, false)).toEqual([0.5, 0.5, 0.5])
    // SDXL has nine skips and the middle.
    const scales = residualScales(10, 2, true)
    expect(scales).toHaveLength(10)
    expect([scales[0], scales[9]]).toEqual([expect.closeTo(0.2, 12), 2])
    for (let i = 1; i < 10; i++)
      expect((scales[i] as number) / (scales[i - 1] as number)).toBeCloseTo(10 ** (1 / 9), 12)
  })

  it("are multiplied one by one, and summed place by place", () => {
    expect(valuesOf(scaleResiduals(residuals(), [2, 3, 4]))).toEqual([
      [2, 2, 2, 2],
      [30, 30, 30, 30],
      [400, 400],
    ])
    expect(sumResiduals([])).toBeNull()
    const one = residuals()
    expect(sumResiduals([one])).toBe(one)
    expect(valuesOf(sumResiduals([one, residuals(2), residuals(4)]) as ControlNetResiduals)).toEqual([
      [7, 7, 7, 7],
      [70, 70, 70, 70],
      [700, 700],
    ])
  })

  it("act in a mask's place, and on each row as asked", () => {
    const picture: RgbImage = { width: 2, height: 1, data: Uint8Array.of(255, 255, 255, 0, 0, 0) }
    const mask = prepareMask([picture], 0)
    const own = residuals()
    expect(placeResiduals(own, { mask: null, sides: [1, 1] })).toBe(own)
    expect(valuesOf(placeResiduals(own, { mask: null, sides: [0, 0.5] }))).toEqual([
      [0, 0, 0.5, 0.5],
      [0, 0, 5, 5],
      [0, 50],
    ])
    expect(valuesOf(placeResiduals(own, { mask, sides: [1, 1] }))).toEqual([
      [1, 0, 1, 0],
      [10, 0, 10, 0],
      [50, 50],
    ])
    expect(valuesOf(placeResiduals(own, { mask, sides: [1, 0.5] }))).toEqual([
      [1, 0, 0.5, 0],
      [10, 0, 5, 0],
      [50, 25],
    ])
    mask.dispose()
  })

  it("stay, and all else that is made with them goes", () => {
    const before = tf.memory().numTensors
    const made = tidyResiduals(() => {
      tf.zeros([9])
      return residuals()
    })
    expect(tf.memory().numTensors).toBe(before + 3)
    expect(valuesOf(made)).toEqual(valuesOf(residuals()))
    expect(made.skips).toHaveLength(2)
  })
})
