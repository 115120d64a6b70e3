import { describe, expect, it } from "vitest"
import { layerWeight, parseBlockWeights } from "./block-weights.ts"

const unet = (block: string) => ({ network: "unet", block }) as const

describe("parseBlockWeights", () => {
  it("reads 12 numbers as the blocks of SDXL that have transformers", () => {
    const blocks = parseBlockWeights("0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1,1.1,-1.2")
    expect(blocks).toMatchObject({ BASE: 0.1, IN04: 0.2, M00: 0.6, OUT00: 0.7, OUT05: -1.2, IN00: 0, OUT08: 0 })
  })

  it("reads 20 numbers as every block, and 17 and 26 by the names that they have in SD 1.5", () => {
    const count = (length: number): string => Array.from({ length }, (_, i) => i).join(",")
    expect(parseBlockWeights(count(20))).toMatchObject({ BASE: 0, IN00: 1, IN08: 9, M00: 10, OUT00: 11, OUT08: 19 })
    expect(parseBlockWeights(count(17))).toMatchObject({ IN00: 0, IN01: 1, M00: 7, OUT02: 0, OUT03: 8, OUT08: 13 })
    expect(parseBlockWeights(count(26))).toMatchObject({ IN08: 9, M00: 13, OUT00: 14, OUT08: 22 })
  })

  it("reads numbers with a sign, and without a digit before or after their point", () => {
    const blocks = parseBlockWeights(["+1", "-.5", ".25", "2.", ...Array<string>(8).fill("0")].join(", "))
    expect([blocks.BASE, blocks.IN04, blocks.IN05, blocks.IN07, blocks.IN08]).toEqual([1, -0.5, 0.25, 2, 0])
    for (const wrong of [".", "1e3", "0x1", "--1", "1 2", ".x", "Infinity"]) {
      expect(() => parseBlockWeights([wrong, ...Array<string>(11).fill("0")].join(","))).toThrow("block weights are")
    }
  })

  it("knows the presets, in any case", () => {
    expect(new Set(Object.values(parseBlockWeights("all0.5")))).toEqual(new Set([0.5]))
    expect(parseBlockWeights("OUTALL")).toMatchObject({ BASE: 1, IN04: 0, M00: 0, OUT03: 1, OUT08: 1 })
  })

  it.each([["1,2,3"], ["OUTALLX"], ["1,0,0,0,1,1,1,0,0,0,0,x"], [""]])("refuses %j", (text) => {
    expect(() => parseBlockWeights(text)).toThrow("expected 12, 17, 20, 26 numbers with commas, or one of NONE, ALL")
  })
})

describe("layerWeight", () => {
  it("takes a layer by its block, and text encoders and layers outside of blocks as BASE", () => {
    const blocks = { BASE: 2, IN04: 3, M00: 4, OUT08: 5 }
    expect(layerWeight(blocks, unet("input 4"))).toBe(3)
    expect(layerWeight(blocks, unet("middle"))).toBe(4)
    expect(layerWeight(blocks, unet("output 8"))).toBe(5)
    expect(layerWeight(blocks, unet("embedding"))).toBe(2)
    expect(layerWeight(blocks, { network: "text2", block: "layer 4" })).toBe(2)
    expect(layerWeight(blocks, unet("input 5"))).toBe(1)
  })
})
