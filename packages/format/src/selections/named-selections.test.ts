import { describe, expect, it } from "vitest"
import { siteTable } from "../lllite/site.ts"
import { SDXL_LAYOUT } from "../networks/unet-layout.ts"
import { NAMED_SELECTIONS } from "./named-selections.ts"
import { takesSite } from "./selection.ts"

describe("NAMED_SELECTIONS", () => {
  it("are different from each other and cannot be changed", () => {
    const taken = Object.values(NAMED_SELECTIONS).map((selection) => {
      expect(Object.isFrozen(selection)).toBe(true)
      return siteTable(SDXL_LAYOUT)
        .sites.map((site) => (takesSite(selection, site) ? "1" : "0"))
        .join("")
    })
    expect(new Set(taken).size).toBe(taken.length)
  })
})
