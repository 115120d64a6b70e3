import { describe, expect, it } from "vitest"
import { curvePaths } from "./loss-curve.tsx"

const points = (path: string): number[][] =>
  path
    .slice(1)
    .split("L")
    .map((point) => point.split(" ").map(Number))

describe("curvePaths", () => {
  it("goes from the left to as far as the run has come, the largest loss at the top", () => {
    const { steps, top } = curvePaths([1, 0.5, 0], 5)
    expect(top).toBe(1)
    expect(points(steps)).toEqual([
      [0, 0],
      [150, 100],
      [300, 200],
    ])
  })

  it("takes the mean of the last values, and of fewer at the beginning", () => {
    const { mean } = curvePaths([4, 2, 6, 10], 4, 2)
    // 4, 3, 4, 8 of at most 10
    expect(points(mean).map(([, y]) => y)).toEqual([120, 140, 120, 40])
  })

  it("draws a run of one step, and one without loss", () => {
    for (const losses of [[0.3], [0, 0]]) {
      const { steps, mean } = curvePaths(losses, losses.length)
      expect(steps + mean).not.toMatch(/NaN|Infinity/)
      // A line that goes nowhere is a dot; a place alone is nothing.
      expect(steps).toMatch(/[Lh]/)
    }
  })
})
