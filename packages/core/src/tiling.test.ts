import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { cellWeights, checkTiling, overlapOf, type Tiling, tilesOf, tileWeights } from "./tiling.ts"

const tiling: fc.Arbitrary<Tiling> = fc
  .tuple(fc.integer({ min: 2, max: 40 }), fc.double({ min: 0, max: 0.5, noNaN: true }))
  .map(([units, share]) => ({ size: 32 * units, overlap: 8 * Math.floor(4 * units * share) }))
const side = fc.integer({ min: 4, max: 600 })

describe("tiles", () => {
  it("cover a grid, lie inside, and share at least the overlap", () => {
    fc.assert(
      fc.property(tiling, side, side, fc.constantFrom(1, 4), (cut, height, width, step) => {
        expect(() => checkTiling("a test", cut)).not.toThrow()
        const tiles = tilesOf({ height, width }, cut, 8, step)
        const [size, overlap] = [cut.size / 8, overlapOf(cut) / 8]
        for (const [length, starts] of [
          [height, [...new Set(tiles.map(({ top }) => top))]],
          [width, [...new Set(tiles.map(({ left }) => left))]],
        ] as const) {
          expect(starts[0]).toBe(0)
          expect((starts.at(-1) as number) + Math.min(size, length)).toBe(length)
          for (const [i, start] of starts.slice(1).entries()) {
            const before = starts[i] as number
            expect(start).toBeGreaterThan(before)
            expect(before + size - start).toBeGreaterThanOrEqual(overlap)
          }
          for (const start of starts.slice(0, -1)) expect(start % step).toBe(0)
        }
      }),
    )
  })

  it("have weights that add up to 1 at every cell", () => {
    fc.assert(
      fc.property(tiling, side, side, (cut, height, width) => {
        const tiles = tilesOf({ height, width }, cut, 8, 4)
        const weights = tileWeights({ height, width }, tiles)
        const sums = new Float64Array(height * width)
        for (const [i, { top, left }] of tiles.entries()) {
          const { rows = [], columns = [] } = weights[i] ?? {}
          for (const [y, down] of rows.entries()) {
            for (const [x, across] of columns.entries()) {
              const at = (top + y) * width + left + x
              sums[at] = (sums[at] ?? 0) + down * across
            }
          }
        }
        expect(sums.every((sum) => Math.abs(sum - 1) < 1e-9)).toBe(true)
      }),
      { numRuns: 20 },
    )
  })

  it("lie evenly, row after row, and are as short as a side that is not cut", () => {
    const placesOf = (height: number, width: number, step = 1): readonly string[] =>
      tilesOf({ height, width }, { size: 64, overlap: 32 }, 8, step).map(
        (tile) => `${tile.top},${tile.left} ${tile.height}x${tile.width}`,
      )
    expect(placesOf(6, 19)).toEqual(["0,0 6x8", "0,3 6x8", "0,7 6x8", "0,11 6x8"])
    expect(placesOf(6, 19, 4)).toEqual(["0,0 6x8", "0,4 6x8", "0,8 6x8", "0,11 6x8"])
    expect(placesOf(12, 8)).toEqual(["0,0 8x8", "4,0 8x8"])
    expect(placesOf(9, 9)).toEqual(["0,0 8x8", "0,1 8x8", "1,0 8x8", "1,1 8x8"])
  })

  it("weigh less towards a neighbour by the square of a sine, from the centre of a cell", () => {
    const sides = { height: 6, width: 12 }
    const [left, right] = tileWeights(sides, tilesOf(sides, { size: 64, overlap: 32 }, 8))
    // sin² of 11.25°, 33.75°, 56.25° and 78.75°, over the four cells that both tiles have.
    const rise = [0.0380602337, 0.3086582838, 0.6913417162, 0.9619397663]
    for (const [at, weight] of [1, 1, 1, 1, ...rise.toReversed()].entries()) {
      expect(left?.columns[at]).toBeCloseTo(weight, 9)
      expect(right?.columns[7 - at]).toBeCloseTo(weight, 9)
    }
    expect([left?.rows, right?.rows]).toEqual([new Float64Array(6).fill(1), new Float64Array(6).fill(1)])
  })

  it("have the product of the row's and the column's weight at each cell, row by row", () => {
    const weights = { rows: Float64Array.of(1, 2), columns: Float64Array.of(1, 10, 100) }
    expect(cellWeights(weights)).toEqual(Float32Array.of(1, 10, 100, 2, 20, 200))
  })

  it("share an eighth of their size, in whole latents, where no overlap is given", () => {
    expect([64, 96, 128, 160, 512, 1024].map((size) => overlapOf({ size }))).toEqual([8, 16, 16, 24, 64, 128])
  })

  it.each([
    [{ size: 100 }, "size is 100, expected a multiple of 32"],
    [{ size: 0 }, "size is 0, expected a whole number from 64"],
    [{ size: Number.NaN }, "size is NaN"],
    [{ size: 64, overlap: 4 }, "overlap is 4, expected a multiple of 8"],
    [{ size: 64, overlap: 40 }, "overlap is 40 and size 64, expected at most half"],
    [{ size: 64, overlap: -8 }, "overlap is -8"],
  ])("are refused as %o", (cut, message) => {
    expect(() => checkTiling("a test", cut)).toThrow(message)
  })
})
