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

it("leaves out the middle of the range, and keeps as many draws on each side", () => {
  const at = { seed: 1, step: 4, firstRow: 0, count: 2000 }
  const strengths = drawStrengths({ min: 0.2, gap: 0.6 }, at).map(({ strength }) => strength)
  const low = strengths.filter((strength) => strength < 0.6)
  const high = strengths.filter((strength) => strength >= 0.6)
  expect(low.length).toBeCloseTo(1000, -1)
  // Of the 0.8 from 0.2 to 1, 0.16 are left on each side.
  for (const [side, from, to] of [[low, 0.2, 0.36] as const, [high, 0.84, 1] as const]) {
    expect(Math.min(...side)).toBeCloseTo(from, 2)
    expect(Math.max(...side)).toBeCloseTo(to, 2)
    expect(side.reduce((sum, value) => sum + value, 0) / side.length).toBeCloseTo((from + to) / 2, 2)
  }
})

it("draws low strengths more often beside a gap where the skew is above 1", () => {
  const rows = drawStrengths({ skew: 2, gap: 0.5 }, { seed: 1, step: 4, firstRow: 0, count: 2000 })
  // u^2 is below a half for u below its root.
  expect(rows.filter(({ strength }) => strength <= 0.25).length / 2000).toBeCloseTo(Math.SQRT1_2, 2)
  expect(rows.filter(({ strength }) => strength >= 0.75).length / 2000).toBeCloseTo(1 - Math.SQRT1_2, 2)
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
