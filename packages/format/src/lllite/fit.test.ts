import { describe, expect, it } from "vitest"
import { SMALL_LAYOUT } from "../../test/lllite-file.ts"
import { compareSites, findSelection, inferLayout } from "./fit.ts"
import { SDXL_LAYOUT } from "./layout.ts"
import { DEFAULT_SELECTION, NAMED_SELECTIONS } from "./selection.ts"
import { enumerateSites, siteTable } from "./site.ts"

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

describe("findSelection", () => {
  it.each(Object.entries(NAMED_SELECTIONS))("finds %s in SDXL, with and without a limit", (_, selection) => {
    expect(findSelection(enumerateSites(SDXL_LAYOUT, selection), SDXL_LAYOUT)).toBe(selection)
    const limited = { ...selection, maxTransformerBlock: 5 }
    expect(findSelection(enumerateSites(SDXL_LAYOUT, limited), SDXL_LAYOUT)).toEqual(limited)
  })

  it("finds none where one site is missing", () => {
    expect(findSelection(enumerateSites(SDXL_LAYOUT).slice(1), SDXL_LAYOUT)).toBeNull()
  })
})

describe("inferLayout", () => {
  it("is SDXL for any of SDXL's sites", () => {
    for (const selection of Object.values(NAMED_SELECTIONS)) {
      expect(inferLayout(enumerateSites(SDXL_LAYOUT, selection), "f")).toBe(SDXL_LAYOUT)
    }
  })

  it("is the whole layout where every site is there", () => {
    const layout = { ...SMALL_LAYOUT, transformerDepth: [1, 2, 3] as const, middleDepth: 4 }
    expect(inferLayout(siteTable(layout).sites, "f")).toEqual(layout)
  })

  it("is the smallest layout that has the sites, where some are not there", () => {
    const limited = enumerateSites(SMALL_LAYOUT, { ...DEFAULT_SELECTION, inputBlocks: false, maxTransformerBlock: 0 })
    expect(inferLayout(limited, "f")).toEqual({ ...SMALL_LAYOUT, transformerDepth: [0, 0, 0], middleDepth: 1 })
  })

  it("tells SDXL's width from SDXL's blocks", () => {
    const deeper = { ...SDXL_LAYOUT, transformerDepth: [1, 2, 10] as const }
    expect(inferLayout(enumerateSites(deeper), "f")).toEqual(deeper)
  })
})
