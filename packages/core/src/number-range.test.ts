import { describe, expect, it } from "vitest"
import { checkRanges, isInRange, type NumberRange, rangeText } from "./number-range.ts"

describe("a range of numbers", () => {
  it.each<[NumberRange, readonly unknown[], readonly unknown[]]>([
    [{}, [0, -1.5], [Number.NaN, Number.POSITIVE_INFINITY, "1", null, undefined]],
    [{ integer: true, min: 1, max: 3 }, [1, 3], [0, 4, 1.5, 2 ** 53, -1]],
    [{ min: 0, below: 1 }, [0, 0.999], [1, -1e-9]],
    [{ above: 0 }, [1e-300, 1e300], [0, -1]],
  ])("%j contains its numbers and no others", (range, inside, outside) => {
    for (const value of inside) expect(isInRange(value, range)).toBe(true)
    for (const value of outside) expect(isInRange(value, range)).toBe(false)
  })

  it("is described in words", () => {
    expect(rangeText({})).toBe("a number")
    expect(rangeText({ integer: true, min: 1, max: 3 })).toBe("a whole number from 1 to 3")
    expect(rangeText({ min: 0, below: 1 })).toBe("a number of at least 0 and below 1")
    expect(rangeText({ above: 0, max: 1 })).toBe("a number above 0 and of at most 1")
  })

  it("names the option, what is expected and what came", () => {
    const ranges = { steps: { integer: true, min: 1 }, rate: { min: 0 } }
    expect(() => checkRanges("training", { steps: 1, rate: 0 }, ranges)).not.toThrow()
    expect(() => checkRanges("training", { steps: 1 }, ranges)).not.toThrow()
    expect(() => checkRanges("training", { steps: -1 }, ranges)).toThrow(
      "training: steps is -1, expected a whole number of at least 1",
    )
    expect(() => checkRanges("training", { rate: "2" }, ranges)).toThrow('rate is "2", expected a number of at least 0')
  })
})
