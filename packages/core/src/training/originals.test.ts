import { describe, expect, it } from "vitest"
import { checkOriginals, originalOf } from "./originals.ts"

describe("originals of examples", () => {
  it("are the examples themselves where a data set says nothing", () => {
    expect([0, 5].map((index) => originalOf({}, index))).toEqual([0, 5])
    expect(() => checkOriginals({ count: 3 })).not.toThrow()
  })

  it("are the first index of the same example", () => {
    const dataset = { count: 6, original: (index: number) => index % 3 }
    expect(originalOf(dataset, 4)).toBe(1)
    expect(() => checkOriginals(dataset)).not.toThrow()
  })

  it.each([
    ["a later index", [0, 2, 2], 1, 2],
    ["a negative index", [0, -1, 2], 1, -1],
    ["an index that is not the first", [0, 0, 1], 2, 1],
    ["no index", [0, Number.NaN], 1, Number.NaN],
  ])("are refused when one is %s", (_, originals, index, first) => {
    const dataset = { count: originals.length, original: (at: number) => originals[at] as number }
    expect(() => checkOriginals(dataset)).toThrow(`the original of example ${index} is ${first}, expected ${index} or`)
  })

  it("are examined as far as the data set goes", () => {
    const asked: number[] = []
    const original = (index: number): number => {
      asked.push(index)
      return index
    }
    checkOriginals({ count: 3, original })
    expect(asked).toEqual([0, 1, 2])
  })
})
