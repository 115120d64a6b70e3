import { describe, expect, it } from "vitest"
import { curvePaths, runningMean } from "./loss-curve.ts"

const frame = { width: 600, height: 200, window: 20 }
const points = (path: string): number[][] =>
  path
    .slice(1)
    .split("L")
    .map((point) => point.split(" ").map(Number))

describe("curvePaths", () => {
  it("goes from the left to as far as the run has come, the largest loss at the top", () => {
    const { steps, largest } = curvePaths([1, 0.5, 0], { ...frame, total: 5 })
    expect(largest).toBe(1)
    expect(points(steps)).toEqual([
      [0, 0],
      [150, 100],
      [300, 200],
    ])
  })

  it("stays in its frame", () => {
    const { steps } = curvePaths([1, 0.5, 0], { left: 48, top: 10, width: 582, height: 182, window: 25 })
    expect(points(steps)).toEqual([
      [48, 10],
      [339, 101],
      [630, 192],
    ])
  })

  it("shows the mean of the last values", () => {
    const { mean } = curvePaths([4, 2, 6, 10], { ...frame, window: 2 })
    // 4, 3, 4, 8 of at most 10
    expect(points(mean).map(([, y]) => y)).toEqual([120, 140, 120, 40])
  })

  it("draws a run of one step, and one without loss", () => {
    for (const losses of [[0.3], [0, 0]]) {
      const { steps, mean } = curvePaths(losses, frame)
      expect(steps + mean).not.toMatch(/NaN|Infinity/)
      expect(steps).toMatch(/[Lh]/)
    }
  })
})

it("takes the mean of the last values, and of fewer at the beginning", () => {
  expect(runningMean([4, 2, 6, 10], 2)).toEqual([4, 3, 4, 8])
})
