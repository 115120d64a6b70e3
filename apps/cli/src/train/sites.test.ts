import { SDXL_LAYOUT } from "@lllite/format"
import { describe, expect, it } from "vitest"
import { sitesText } from "../lllite-file/selection-name.ts"
import { readBlocks, SITE_CHOICES, type SiteChoice, type SitePlan, sitesOf } from "./sites.ts"

const plan = (more: Partial<SitePlan> = {}): SitePlan => ({
  ...{ choice: "default", blocks: null, maxTransformerBlock: null },
  ...more,
})
const count = (more: Partial<SitePlan>): number => sitesOf(SDXL_LAYOUT, plan(more)).length

describe("the sites of a training", () => {
  // Source: the module counts of sd-scripts with the same constants.
  it.each([
    ["default", 136],
    ["output", 280],
    ["output-only", 184],
    ["no-input", 40],
    ["all-attention", 204],
    ["all-attention-output", 420],
    ["transformer", 282],
    ["transformer-output", 582],
    ["attn1-etc", 141],
    ["attn1-etc-output", 291],
    ["conv", 302],
    ["conv-output", 631],
  ] as [SiteChoice, number][])("of %s are %i", (choice, wanted) => expect(count({ choice })).toBe(wanted))

  it("have a count for every choice", () => expect(Object.keys(SITE_CHOICES)).toHaveLength(12))

  it("are those of the blocks that are named", () => {
    expect(count({ maxTransformerBlock: 0 })).toBe(20)
    expect(count({ blocks: readBlocks("middle") })).toBe(40)
    expect(count({ blocks: readBlocks("input 4-5") })).toBe(16)
    expect(count({ blocks: readBlocks("input_blocks.4, output 3") })).toBe(16)
    // Blocks replace the choice's own parts.
    expect(count({ choice: "no-input", blocks: readBlocks("input") })).toBe(96)
    expect(count({ blocks: readBlocks("output"), maxTransformerBlock: 0 })).toBe(24)
  })

  it("are none in a block without such sites", () => {
    expect(() => count({ blocks: readBlocks("input 1") })).toThrow(/no site of "default" is in input 1\. Blocks/)
    expect(count({ choice: "conv", blocks: readBlocks("input 1") })).toBeGreaterThan(0)
    expect(() => count({ blocks: readBlocks("middle,input 9") })).toThrow(/is in input 9/)
  })

  it("have a name in the metadata, or their blocks", () => {
    const text = (more: Partial<SitePlan>): string | null => sitesText(sitesOf(SDXL_LAYOUT, plan(more)), SDXL_LAYOUT)
    expect(text({})).toBeNull()
    expect(text({ choice: "conv" })).toBe("convToo")
    expect(text({ choice: "output", maxTransformerBlock: 1 })).toBe("outputBlocks, transformer blocks up to 1")
    expect(text({ blocks: readBlocks("input 4,middle") })).toBe("48 sites in input 4, middle")
  })

  it.each(["", "encoder", "input 5-4", "middle 1", "input 4-", "input,,", "input 1e3", "__proto__", "input\u00004"])(
    "are not read from %j",
    (text) => expect(readBlocks(text)).toBeNull(),
  )
})
