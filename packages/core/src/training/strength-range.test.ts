import { expect, it } from "vitest"
import { drawStrengths, shareAt } from "./strength-range.ts"

it.each([
  [{}, [0, 0.25, 1]],
  [{ floor: 0.4 }, [0.4, 0.55, 1]],
  [{ power: 2 }, [0, 0.0625, 1]],
  [{ floor: 0.2, top: 0.6 }, [0.2, 0.3, 0.6]],
  [{ floor: 0.5, power: 0.5 }, [0.5, 0.75, 1]],
])("gives %j these shares at strengths 0, 0.25 and 1: %j", (range, shares) => {
  for (const [i, strength] of [0, 0.25, 1].entries()) expect(shareAt(range, strength)).toBeCloseTo(shares[i] ?? 0, 12)
})

it("draws strengths evenly from the lowest to 1, each with its share", () => {
  const range = { min: 0.2, floor: 0.3, power: 3 }
  const rows = drawStrengths(range, { seed: 1, step: 4, firstRow: 0, count: 2000 })
  const strengths = rows.map(({ strength }) => strength)
  expect(Math.min(...strengths)).toBeGreaterThanOrEqual(0.2)
  expect(Math.max(...strengths)).toBeLessThanOrEqual(1)
  expect(strengths.reduce((sum, value) => sum + value, 0) / 2000).toBeCloseTo(0.6, 1)
  for (const { strength, share } of rows) expect(share).toBe(shareAt(range, strength))
})

it("draws the same for a row in any part of a batch, and anew at each step", () => {
  const at = { seed: 1, step: 4, firstRow: 0, count: 4 }
  const all = drawStrengths({}, at)
  expect(drawStrengths({}, { ...at, firstRow: 2, count: 2 })).toEqual(all.slice(2))
  expect(drawStrengths({}, { ...at, step: 5 })).not.toEqual(all)
  expect(drawStrengths({}, { ...at, seed: 2 })).not.toEqual(all)
})

it("spreads the strengths of a small batch evenly, over all shards", () => {
  for (let step = 0; step < 50; step++) {
    const at = { seed: 1, step, firstRow: 0, count: 2 }
    const rows = [...drawStrengths({}, at), ...drawStrengths({}, { ...at, firstRow: 2 })]
    const strengths = rows.map(({ strength }) => strength).sort((a, b) => a - b)
    for (const [i, strength] of strengths.entries()) {
      const gap = (strengths[i + 1] ?? (strengths[0] ?? 0) + 1) - strength
      expect(gap).toBeGreaterThan(0.1)
      expect(gap).toBeLessThan(0.4)
    }
  }
})

it("draws high strengths more often where the skew is below 1", () => {
  const range = { min: 0.2, skew: 0.5 }
  const rows = drawStrengths(range, { seed: 1, step: 4, firstRow: 0, count: 2000 })
  // The mean of u^0.5 is 2/3.
  expect(rows.reduce((sum, { strength }) => sum + strength, 0) / 2000).toBeCloseTo(0.2 + (0.8 * 2) / 3, 2)
  const plain = drawStrengths({ min: 0.2 }, { seed: 1, step: 4, firstRow: 0, count: 2000 })
  for (const [i, { strength }] of rows.entries()) {
    expect(strength).toBeCloseTo(0.2 + 0.8 * (((plain[i]?.strength ?? 0) - 0.2) / 0.8) ** 0.5, 12)
  }
})
