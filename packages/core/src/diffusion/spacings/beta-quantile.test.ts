import { describe, expect, it } from "vitest"
import { betaQuantile } from "./beta-quantile.ts"

const SHARES = [0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999]

/* Shapes whose distribution has a formula. */
describe("the quantiles of a beta distribution", () => {
  it.each([0.2, 0.4, 0.5, 1, 2.5, 7, 40])("are powers where one parameter is 1 (the other is %d)", (shape) => {
    for (const p of SHARES) {
      expect(betaQuantile(p, shape, 1) / p ** (1 / shape)).toBeCloseTo(1, 9)
      expect(betaQuantile(p, 1, shape)).toBeCloseTo(1 - (1 - p) ** (1 / shape), 12)
    }
  })

  it("are those of the arcsine law where both are a half", () => {
    for (const p of SHARES) expect(betaQuantile(p, 0.5, 0.5)).toBeCloseTo(Math.sin((Math.PI * p) / 2) ** 2, 12)
  })

  it("have the share below them, where both are 2 or 3", () => {
    for (const p of SHARES) {
      const [x, y] = [betaQuantile(p, 2, 2), betaQuantile(p, 3, 3)]
      expect(3 * x ** 2 - 2 * x ** 3).toBeCloseTo(p, 12)
      expect(10 * y ** 3 - 15 * y ** 4 + 6 * y ** 5).toBeCloseTo(p, 12)
    }
  })

  it.each([
    [0.6, 0.6],
    [0.3, 2],
    [12, 0.4],
  ])("mirror where the parameters change places (%d and %d)", (a, b) => {
    for (const p of SHARES) expect(betaQuantile(p, a, b)).toBeCloseTo(1 - betaQuantile(1 - p, b, a), 10)
  })

  it("begin at 0 and end at 1", () => {
    expect([-1, 0, 1, 2].map((p) => betaQuantile(p, 0.6, 0.6))).toEqual([0, 0, 1, 1])
  })
})
