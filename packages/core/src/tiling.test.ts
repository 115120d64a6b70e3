import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { checkTiling, overlapOf, type Tiling, tilesOf, tileWeights } from "./tiling.ts"

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
