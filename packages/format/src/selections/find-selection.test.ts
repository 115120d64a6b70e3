import { describe, expect, it } from "vitest"
import { SMALL_LAYOUT, smallLllite, smallSites } from "../../test/lllite-file.ts"
import { readLllite } from "../lllite/read.ts"
import { SDXL_LAYOUT } from "../networks/unet-layout.ts"
import { findSelection } from "./find-selection.ts"
import { NAMED_SELECTIONS } from "./named-selections.ts"
import { DEFAULT_SELECTION, enumerateSites } from "./selection.ts"

describe("findSelection", () => {
  it.each(Object.entries(NAMED_SELECTIONS))("finds %s in SDXL, with and without a limit", (_, selection) => {
    expect(findSelection(enumerateSites(SDXL_LAYOUT, selection), SDXL_LAYOUT)).toBe(selection)
    const limited = { ...selection, maxTransformerBlock: 5 }
    expect(findSelection(enumerateSites(SDXL_LAYOUT, limited), SDXL_LAYOUT)).toEqual(limited)
  })

  it("prefers the name of the file among several with the same sites", () => {
    const layout = { ...SMALL_LAYOUT, transformerDepth: [0, 0, 0] } as const
    const sites = enumerateSites(layout, NAMED_SELECTIONS.noInputBlocks)
    expect(findSelection(sites, layout)).toBe(NAMED_SELECTIONS.default)
    expect(findSelection(sites, layout, "noInputBlocks")).toBe(NAMED_SELECTIONS.noInputBlocks)
    expect(findSelection(sites, layout, "outputBlocksOnly")).not.toBeNull()
    expect(findSelection(sites, layout, "toString")).toBe(NAMED_SELECTIONS.default)
  })

  it("finds none where one site is missing", () => {
    expect(findSelection(enumerateSites(SDXL_LAYOUT).slice(1), SDXL_LAYOUT)).toBeNull()
  })

  it("finds them in a file of a smaller U-Net", async () => {
    for (const selection of [DEFAULT_SELECTION, { ...DEFAULT_SELECTION, maxTransformerBlock: 0 }]) {
      const bytes = await smallLllite({ sites: smallSites(selection) })
      const file = await readLllite(bytes, { layout: SMALL_LAYOUT })
      expect(findSelection(file.sites, file.layout)).toEqual(selection)
    }
  })
})
