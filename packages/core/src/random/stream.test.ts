import { describe, expect, it } from "vitest"
import { createStream, normalRows } from "./stream.ts"

describe("a random stream", () => {
  it("makes any draw again, in any order", () => {
    const stream = createStream(7, "noise")
    const later = stream.normal(10, { step: 5, index: 2 })
    stream.normal(1000)
    expect(stream.normal(10, { step: 5, index: 2 })).toEqual(later)
    expect(createStream(7n, "noise").normal(10, { step: 5, index: 2 })).toEqual(later)
  })

  it("differs by seed, purpose, step and index", () => {
    const draws = [
      createStream(7, "noise").normal(4),
      createStream(8, "noise").normal(4),
      createStream(7n + (1n << 32n), "noise").normal(4),
      createStream(7, "timesteps").normal(4),
      createStream(7, "noise").normal(4, { step: 1 }),
      createStream(7, "noise").normal(4, { index: 1 }),
    ]
    expect(new Set(draws.map(String)).size).toBe(draws.length)
  })

  it("begins a longer draw with the values of a shorter one", () => {
    const stream = createStream(1, "prefix")
    for (const length of [1, 2, 3, 5, 8]) {
      expect(stream.normal(length)).toEqual(stream.normal(9).slice(0, length))
      expect(stream.integers(length, 0, 1000)).toEqual(stream.integers(9, 0, 1000).slice(0, length))
    }
  })

  it("gives the members of a batch the values that they get alone", () => {
    const stream = createStream(3, "start")
    const batch = normalRows(stream, 3, [2, 2, 4], { step: 1, index: 5 })
    for (let row = 0; row < 3; row++) {
      expect(batch.slice(16 * row, 16 * (row + 1))).toEqual(stream.normal([2, 2, 4], { step: 1, index: 5 + row }))
    }
  })

  it("draws normal numbers with the moments of the normal distribution", () => {
    const values = createStream(11, "moments").normal(100_000)
    const moment = (power: number): number => values.reduce((sum, value) => sum + value ** power, 0) / values.length
    // Four standard errors of each estimate.
    expect(Math.abs(moment(1))).toBeLessThan(4 * Math.sqrt(1 / 100_000))
    expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / 100_000))
    expect(Math.abs(moment(3))).toBeLessThan(4 * Math.sqrt(15 / 100_000))
    expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / 100_000))
  })

  it("draws uniform numbers evenly from [0, 1)", () => {
    const values = createStream(12, "even").uniform(64_000)
    const counts = new Array<number>(64).fill(0)
    for (const value of values) counts[Math.floor(value * 64)] = (counts[Math.floor(value * 64)] ?? Number.NaN) + 1
    const chiSquared = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
    // 63 degrees of freedom: mean 63, deviation 11.2.
    expect(chiSquared).toBeLessThan(63 + 5 * 11.2)
    expect(Math.max(...values)).toBeLessThan(1)
  })

  it("draws every integer of its range and none outside", () => {
    const values = createStream(13, "range").integers(2000, -3, 4)
    expect([...new Set(values)].sort((a, b) => a - b)).toEqual([-3, -2, -1, 0, 1, 2, 3])
  })

  it("draws permutations, another at each step", () => {
    const stream = createStream(14, "order")
    const order = stream.permutation(50)
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(stream.permutation(50, { step: 1 })).not.toEqual(order)
    expect(stream.permutation(0)).toEqual(new Int32Array(0))
  })

  it("keeps its values between versions", () => {
    // A change here changes the results of every seed.
    expect([
      ...createStream(42, "start noise").integers(4, 0, 1_000_000, { step: 1, index: 2 }),
    ]).toMatchInlineSnapshot(`
      [
        682652,
        135779,
        402406,
        503804,
      ]
    `)
  })

  it("refuses a position, a size or bounds out of range", () => {
    const stream = createStream(0, "bad")
    expect(() => stream.normal(4, { step: -1 })).toThrow(/step must be an integer/)
    expect(() => stream.normal(4, { index: 2 ** 32 })).toThrow(/index must be an integer/)
    expect(() => stream.normal([2, 1.5])).toThrow(/size/)
    expect(() => stream.integers(1, 5, 5)).toThrow(/low < high/)
    expect(() => stream.integers(1, 0, 2 ** 32)).toThrow(/32-bit/)
  })
})
