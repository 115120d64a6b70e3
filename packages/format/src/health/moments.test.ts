import { describe, expect, it } from "vitest"
import { largestExpected, type Moments, reluMoments, rootMeanSquare } from "./moments.ts"

const moments = (mean: readonly number[], variance: readonly number[]): Moments => ({
  mean: Float64Array.from(mean),
  variance: Float64Array.from(variance),
})

describe("what a ReLU makes of normal numbers", () => {
  it.each([
    // From tables of the normal distribution: Φ and φ at m / s. E = m Φ + s φ, and E² = (m² + s²) Φ + m s φ.
    [0, 1, 0.3989423, 0.3408451],
    [1, 4, 1.3955931, 2.213763],
    [-1, 1, 0.0833155, 0.0683982],
    [-3, 1, 0.000382154, 0.00020329],
    [3, 1, 3.0003822, 0.9975035],
    // Without a deviation it is the ReLU itself.
    [2, 0, 2, 0],
    [-2, 0, 0, 0],
  ])("of mean %f and variance %f has mean %f and variance %f", (mean, variance, wantedMean, wantedVariance) => {
    const found = reluMoments(moments([mean, -mean], [variance, variance]))
    expect(found.mean[0]).toBeCloseTo(wantedMean, 6)
    expect(found.variance[0]).toBeCloseTo(wantedVariance, 5)
    // x is the ReLU of x without that of -x.
    expect((found.mean[0] ?? 0) - (found.mean[1] ?? 0)).toBeCloseTo(mean, 6)
  })
})

it("takes the root of squares over channels, of all and of what varies", () => {
  expect(rootMeanSquare(moments([3, 4], [0, 7]))).toEqual({ whole: 4, varying: Math.sqrt(3.5) })
})

it("expects at most the mean and six deviations, of the channel with the most", () => {
  expect(largestExpected(moments([1, -5, 2], [1, 4, 0]))).toBe(17)
  expect(largestExpected(moments([], []))).toBe(0)
  expect(largestExpected(moments([1, Number.NaN], [0, 1]))).toBeNaN()
})
