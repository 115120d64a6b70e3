import { describe, expect, it } from "vitest"
import { regionMasks } from "./region-map.ts"

const map = {
  width: 4,
  height: 1,
  data: Uint8Array.from([255, 0, 0, 0, 255, 0, 255, 255, 0, 0, 0, 100]),
}
const firsts = (codes: number | null) =>
  regionMasks(map, codes).masks.map(({ data }) => [0, 3, 6, 9].map((i) => data[i]))

describe("regionMasks", () => {
  it("reads each channel as a region", () => {
    expect(firsts(null)).toEqual([
      [255, 0, 255, 0],
      [0, 255, 255, 0],
      [0, 0, 0, 100],
    ])
  })

  it("reads each colour as a region, in the order of its bits", () => {
    expect(firsts(3)).toEqual([
      [255, 0, 0, 0],
      [0, 255, 0, 0],
      [0, 0, 255, 0],
    ])
  })

  it("lets a region act everywhere that the map does not have", () => {
    expect(regionMasks(map, 4)).toMatchObject({ missing: [4] })
    expect(firsts(4)[3]).toEqual([255, 255, 255, 255])
  })
})
