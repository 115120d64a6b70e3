import "@tensorflow/tfjs"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { elementwiseLoss, huberDelta, lossWeight, weightedMean } from "./loss.ts"
import type { HuberSchedule, LossType } from "./names.ts"

const differences = [-2, -0.01, 0.3, 5]

async function losses(type: LossType, delta?: number): Promise<readonly number[]> {
  const prediction = tf.tensor2d(differences, [1, 4])
  const target = tf.zerosLike(prediction)
  const result = elementwiseLoss(prediction, target, type, delta === undefined ? undefined : [delta])
  const values = [...(await result.data())]
  tf.dispose([prediction, target, result])
  return values
}

describe("elementwiseLoss", () => {
  it.each<[LossType, number | undefined, (d: number, c: number) => number]>([
    ["l2", undefined, (d) => d * d],
    ["l1", undefined, (d) => Math.abs(d)],
    ["huber", 0.1, (d, c) => 2 * c * (Math.sqrt(d * d + c * c) - c)],
    ["smooth_l1", 0.5, (d, c) => 2 * (Math.sqrt(d * d + c * c) - c)],
  ])("computes %s", async (type, delta, formula) => {
    for (const [i, value] of (await losses(type, delta)).entries()) {
      const want = formula(differences[i] as number, delta ?? 0)
      expect(Math.abs(value - want)).toBeLessThan(1e-6 * Math.max(want, 1e-3))
    }
  })

  it("keeps the digits of a small error", async () => {
    const prediction = tf.tensor2d([[1e-5]])
    const target = tf.zerosLike(prediction)
    const result = elementwiseLoss(prediction, target, "huber", [1])
    expect(Math.abs((await result.data())[0] as number) / 1e-10 - 1).toBeLessThan(1e-5)
    tf.dispose([prediction, target, result])
  })

  it("uses each row's turning point", async () => {
    const prediction = tf.tensor2d([[2], [2]])
    const target = tf.zerosLike(prediction)
    const result = elementwiseLoss(prediction, target, "huber", [0.1, 1])
    const [narrow, wide] = await result.data()
    expect(narrow).toBeLessThan(wide as number)
    tf.dispose([prediction, target, result])
  })

  it.each<[LossType, number | undefined]>([
    ["l2", undefined],
    ["l1", undefined],
    ["huber", 0.3],
    ["smooth_l1", 0.3],
  ])("has the gradient of %s", async (type, delta) => {
    const target = tf.zeros([1, 4])
    const deltas = delta === undefined ? undefined : [delta]
    const total = (prediction: tf.Tensor): tf.Scalar =>
      tf.sum(elementwiseLoss(prediction, target, type, deltas)) as tf.Scalar
    const at = tf.tensor2d(differences, [1, 4])
    const gradient = tf.grad(total)(at)
    const values = await gradient.data()
    for (const [i, d] of differences.entries()) {
      const root = Math.sqrt(d * d + (delta ?? 1) ** 2)
      const want = { l2: 2 * d, l1: Math.sign(d), huber: (2 * (delta ?? 1) * d) / root, smooth_l1: (2 * d) / root }[
        type
      ]
      expect(values[i]).toBeCloseTo(want, 5)
    }
    tf.dispose([target, at, gradient])
  })

  it("leaves one tensor", () => {
    const prediction = tf.zeros([2, 3])
    const before = tf.memory().numTensors
    const result = elementwiseLoss(prediction, prediction, "smooth_l1", [0.1, 0.2])
    expect(tf.memory().numTensors).toBe(before + 1)
    tf.dispose([prediction, result])
  })

  it("refuses other shapes, missing deltas and needless ones", () => {
    const [a, b] = [tf.zeros([2, 3]), tf.zeros([2, 4])]
    expect(() => elementwiseLoss(a, b, "l2")).toThrow(/prediction is \[2, 3\], target \[2, 4\]/)
    expect(() => elementwiseLoss(a, a, "huber")).toThrow(/needs 2 deltas, one per row, got none/)
    expect(() => elementwiseLoss(a, a, "huber", [1])).toThrow(/got 1/)
    expect(() => elementwiseLoss(a, a, "l2", [1, 1])).toThrow(/no deltas/)
    expect(() => elementwiseLoss(a, a, "mse" as LossType)).toThrow(/no loss "mse". There are: l2, l1/)
    tf.dispose([a, b])
  })
})

describe("huberDelta", () => {
  it("falls from 1 to delta with the timestep or with the noise", () => {
    expect(huberDelta({ schedule: "exponential" }, 0, 1000, 0)).toBe(1)
    expect(huberDelta({ schedule: "exponential" }, 1000, 1000, 0)).toBeCloseTo(0.1, 12)
    expect(huberDelta({ schedule: "snr" }, 0, 1000, 0)).toBe(1)
    expect(huberDelta({ schedule: "snr" }, 0, 1000, 1e9)).toBeCloseTo(0.1, 12)
    expect(huberDelta({ schedule: "constant", delta: 0.2, scale: 3 }, 500, 1000, 1)).toBeCloseTo(0.6, 12)
  })

  it("follows its schedule between the ends", () => {
    expect(huberDelta({ schedule: "exponential", delta: 0.04, scale: 3 }, 500, 1000, 0)).toBeCloseTo(0.6, 12)
    expect(huberDelta({ schedule: "snr", delta: 0.2 }, 0, 1000, 1)).toBeCloseTo(0.4, 12)
    expect(huberDelta({ schedule: "constant", scale: 2 }, 500, 1000, 1)).toBeCloseTo(0.2, 12)
  })

  it("refuses a scale where the schedule has none, and a turning point at 0", () => {
    expect(() => huberDelta({ schedule: "snr", scale: 2 }, 0, 1000, 1)).toThrow(/no scale/)
    expect(() => huberDelta({ schedule: "cosine" as HuberSchedule }, 0, 1000, 1)).toThrow(/no Huber schedule "cosine"/)
    expect(() => huberDelta({ schedule: "constant", delta: 0 }, 0, 1000, 1)).toThrow(
      /delta is 0, expected a number above 0/,
    )
  })
})

describe("lossWeight", () => {
  it("is 1 without options", () => {
    expect(lossWeight({}, "epsilon", 3)).toBe(1)
  })

  it("limits the weight of clean samples, for each prediction", () => {
    expect(lossWeight({ minSnrGamma: 5 }, "epsilon", 20)).toBe(0.25)
    expect(lossWeight({ minSnrGamma: 5 }, "epsilon", 2)).toBe(1)
    expect(lossWeight({ minSnrGamma: 5 }, "v", 19)).toBe(0.25)
  })

  it.each([
    [{ vPredictionLike: 0.5 }, "epsilon", 4, 1 + (0.5 * 5) / 4],
    [{ scaleVLikeNoise: true }, "v", 4, 4 / 5],
    [{ debiased: true }, "epsilon", 4, 1 / 2],
    [{ debiased: true }, "v", 4, 1 / 5],
    // The ratio is at most 1000.
    [{ vPredictionLike: 0.5 }, "epsilon", 1e6, 1 + (0.5 * 1001) / 1000],
    [{ scaleVLikeNoise: true }, "v", 1e6, 1000 / 1001],
    [{ debiased: true }, "epsilon", 1e6, 1 / Math.sqrt(1000)],
    [{ minSnrGamma: 5, vPredictionLike: 0.5, debiased: true }, "epsilon", 10, (0.5 * 1.55) / Math.sqrt(10)],
  ] as const)("weights by %j for %s at a ratio of %d", (options, prediction, snr, weight) => {
    expect(lossWeight(options, prediction, snr)).toBeCloseTo(weight, 12)
  })

  it("multiplies combined weights", () => {
    const snr = 10
    const product = lossWeight({ minSnrGamma: 5 }, "v", snr) * lossWeight({ debiased: true }, "v", snr)
    expect(lossWeight({ minSnrGamma: 5, debiased: true }, "v", snr)).toBeCloseTo(product, 12)
  })

  it("refuses options that do not fit the prediction", () => {
    expect(() => lossWeight({ scaleVLikeNoise: true }, "epsilon", 1)).toThrow(/predicts "v"/)
    expect(() => lossWeight({ vPredictionLike: 0.1 }, "v", 1)).toThrow(/predicts "epsilon"/)
    expect(() => lossWeight({ minSnrGamma: 0 }, "v", 1)).toThrow(/minSnrGamma is 0, expected a number above 0/)
  })
})

describe("weightedMean", () => {
  it("averages every row over its values, then all rows by weight", async () => {
    const values = tf.tensor3d([[[1, 3]], [[10, 20]]])
    const mean = weightedMean(values, [1, 0.1])
    expect((await mean.data())[0]).toBeCloseTo((2 + 1.5) / 2, 6)
    expect(() => weightedMean(values, [1])).toThrow(/2 weights/)
    tf.dispose([values, mean])
  })
})
