import { describe, expect, it } from "vitest"
import { heatMap } from "./heat-map.ts"

const table = { title: "a map", rows: ["input 4", "middle"], columns: ["1", "2", "3"] }

/** How many pixels have each colour. */
function colours(values: readonly (readonly (number | null)[])[]): Map<string, number> {
  const { data } = heatMap({ ...table, values })
  const counts = new Map<string, number>()
  for (let i = 0; i < data.length; i += 3) {
    const colour = data.subarray(i, i + 3).join()
    counts.set(colour, (counts.get(colour) ?? 0) + 1)
  }
  return counts
}

describe("a heat map", () => {
  it("has a bright cell for the largest value, a dark one for nothing, and a grey one where nothing was measured", () => {
    const counts = colours([
      [0, 1, null],
      [0, 0, 0],
    ])
    const cell = 44 * 22
    expect(counts.get("226,226,222")).toBe(cell)
    for (const [colour, cells] of [
      ["12,8,38", 4],
      ["252,252,164", 1],
    ] as const) {
      expect(counts.get(colour)).toBeGreaterThan(0.7 * cells * cell)
      expect(counts.get(colour)).toBeLessThan(1.1 * cells * cell)
    }
  })

  it("draws a table of zeros, and grows with its columns", () => {
    const zeros = heatMap({
      ...table,
      values: [
        [0, 0, 0],
        [0, 0, 0],
      ],
    })
    const wide = heatMap({ title: "", rows: ["a"], columns: Array(40).fill("9"), values: [Array(40).fill(1e-9)] })
    expect(wide.width).toBeGreaterThan(40 * 44)
    expect(zeros.data.length).toBe(zeros.width * zeros.height * 3)
  })

  it.each([
    [[]],
    [[[1, 2, 3]]],
    [
      [
        [1, 2],
        [3, 4],
      ],
    ],
  ])("refuses %j for two rows of three", (values) => {
    expect(() => heatMap({ ...table, values })).toThrow("expected 2 of 3")
  })
})
