import { describe, expect, it } from "vitest"
import type { GreyImage } from "../image.ts"
import { edgeF1 } from "./edge-f1.ts"

/** Rows of "#" (edge) and "." */
const map = (...rows: readonly string[]): GreyImage => ({
  width: rows[0]?.length ?? 0,
  height: rows.length,
  data: Uint8Array.from(rows.join(""), (sign) => (sign === "#" ? 255 : 0)),
})

describe("edgeF1", () => {
  it("is 1 for equal maps, with any tolerance", () => {
    const edges = map("#..", ".#.", "..#")
    for (const tolerance of [0, 1, 2.5])
      expect(edgeF1(edges, edges, tolerance)).toEqual({ precision: 1, recall: 1, f1: 1 })
  })

  it("forgives a shift up to the tolerance", () => {
    const found = map("#.....", "#.....")
    const wanted = map("..#...", "..#...")
    expect(edgeF1(found, wanted).f1).toBe(1)
    expect(edgeF1(found, wanted, 1).f1).toBe(0)
  })

  it("measures distance along a straight line, not by the larger axis", () => {
    const found = map("#..", "...", "...")
    const wanted = map("...", "...", "..#")
    expect(edgeF1(found, wanted, 2).f1).toBe(0)
    expect(edgeF1(found, wanted, 2.9).f1).toBe(1)
  })

  it("counts what was found too much against precision and what was missed against recall", () => {
    const found = map("##......", "........", "......##")
    const wanted = map("##......", "........", "........")
    expect(edgeF1(found, wanted, 0)).toEqual({ precision: 0.5, recall: 1, f1: 2 / 3 })
    expect(edgeF1(wanted, found, 0)).toEqual({ precision: 1, recall: 0.5, f1: 2 / 3 })
  })

  it("does not reach around the border of a row", () => {
    expect(edgeF1(map("...#", "...."), map("....", "#..."), 1).f1).toBe(0)
  })

  it("is 1 for two empty maps and 0 when one is empty", () => {
    const empty = map("...", "...")
    expect(edgeF1(empty, empty).f1).toBe(1)
    expect(edgeF1(empty, map("#..", "...")).f1).toBe(0)
    expect(edgeF1(map("#..", "..."), empty).f1).toBe(0)
  })

  it("refuses maps of different sizes, colour and a negative tolerance", () => {
    expect(() => edgeF1(map("..."), map("....", "...."))).toThrow(/one size/)
    expect(() => edgeF1({ width: 1, height: 1, data: new Uint8Array(3) }, map("."))).toThrow(/found.*grey/)
    expect(() => edgeF1(map("."), map("."), -1)).toThrow(/tolerance/)
  })
})
