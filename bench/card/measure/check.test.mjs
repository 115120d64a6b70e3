import { describe, expect, it } from "vitest"
import { relativeError, sample, WrongValue } from "./check.mjs"

describe("a check against float64", () => {
  const expected = [1, -4, 2]

  it("gives the greatest difference relative to the greatest value", () => {
    expect(relativeError("y", [1, -4, 2.2], expected, 0.1)).toBeCloseTo(0.05)
  })

  it("refuses a value that is off, by its place", () => {
    expect(() => relativeError("y", [1, -4, 3], expected, 0.1)).toThrow(WrongValue)
    expect(() => relativeError("y", [1, -4, 3], expected, 0.1)).toThrow(/y: value 2 is 3, expected 2/)
  })

  it("refuses what is not a number, and what is not there", () => {
    expect(() => relativeError("y", [1, Number.NaN, 2], expected, 1e9)).toThrow(/value 1 is NaN/)
    expect(() => relativeError("y", [Number.NaN, -4, 2], expected, 1e9)).toThrow(/value 0 is NaN/)
    expect(() => relativeError("y", [1, -4], expected, 1e9)).toThrow(/2 values, expected 3/)
    expect(() => relativeError("y", [1, -4], expected, 1e9, [0, 1, 2])).toThrow(/value 2 is undefined/)
  })

  it("refuses to hold zeros for right, and to compare nothing", () => {
    expect(() => relativeError("y", [0, 0], [0, 0], 1)).toThrow(/shows nothing/)
    expect(() => relativeError("y", [], [], 1)).toThrow(/nothing was compared/)
  })

  it("compares at given places only", () => {
    expect(relativeError("y", [7, 1, 7, -4], [1, -4], 1e-9, [1, 3])).toBe(0)
    expect(() => relativeError("y", [7, 1, 7, -4], [1, -4], 1e-9, [1, 2])).toThrow(/value 2 is 7/)
  })
})

describe("a sample", () => {
  it("is everything where that is little", () => {
    expect(sample(5, 8)).toEqual([0, 1, 2, 3, 4])
  })

  it("has both ends and where tiles meet, no number twice, and always the same", () => {
    const taken = sample(1000, 12, 32)
    expect(taken).toHaveLength(12)
    expect(taken).toEqual(expect.arrayContaining([0, 31, 32, 992, 999]))
    expect(taken).toEqual([...new Set(taken)].sort((a, b) => a - b))
    expect(sample(1000, 12, 32)).toEqual(taken)
  })
})
