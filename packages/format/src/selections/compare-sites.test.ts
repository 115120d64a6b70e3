import { describe, expect, it } from "vitest"
import { SDXL_LAYOUT } from "../networks/unet-layout.ts"
import { compareSites } from "./compare-sites.ts"
import { NAMED_SELECTIONS } from "./named-selections.ts"
import { enumerateSites } from "./selection.ts"

describe("compareSites", () => {
  it("names what is missing and what is extra", () => {
    const found = enumerateSites(SDXL_LAYOUT, NAMED_SELECTIONS.noInputBlocks)
    const expected = enumerateSites(SDXL_LAYOUT, NAMED_SELECTIONS.default)
    const { missing, extra } = compareSites(found, expected)
    expect(missing).toHaveLength(96)
    expect(missing.every(({ section }) => section === "input")).toBe(true)
    expect(extra).toEqual([])
    expect(compareSites(expected, found)).toEqual({ missing: [], extra: missing })
  })
})
