import { describe, expect, it } from "vitest"
import { checkBlockStrengths, clashOf, factorsByBlock, UNET_BLOCKS } from "./block-strengths.ts"

describe("strengths by block", () => {
  it("follow the key that names the fewest blocks, in any order", () => {
    const blocks = { "*": 0, "input 4-5": 0.5, "input *": 0.2, "input 5": 1, middle: 2 }
    const reversed = Object.fromEntries(Object.entries(blocks).reverse())
    for (const order of [blocks, reversed]) {
      const factors = factorsByBlock("test", order)
      expect(["input 0", "input 4", "input 5", "middle", "output 3"].map((name) => factors.get(name))).toEqual([
        0.2, 0.5, 1, 2, 0,
      ])
      expect(factors.size).toBe(UNET_BLOCKS.length)
    }
  })

  it("clash where two keys of one width name a block", () => {
    expect(clashOf(["input 4-5", "*", "input 5-6"])).toBe("input 5")
    expect(clashOf(["input 4-5", "input 5", "input *"])).toBeNull()
  })

  it.each([
    [{ "input 9": 1 }, '"input 9", expected "middle", "input 4"'],
    [{ "input 5-4": 1 }, '"input 5-4"'],
    [{ "input *-4": 1 }, '"input *-4"'],
    [{ middel: 1 }, '"middel"'],
    [{ middle: Number.NaN }, 'blocks["middle"] is NaN'],
    [{ "input 4-5": 1, "input 5-6": 0 }, '"input 4-5" and "input 5-6" both name "input 5"'],
  ])("refuse %j", (blocks, message) => {
    expect(() => checkBlockStrengths("an adapter", blocks)).toThrow(message)
  })
})
