import { expect, it } from "vitest"
import { addCoarserGrids, type NoiseDraws } from "./coarser-grids.ts"

const grid = { rows: 1, height: 8, width: 4, channels: 1 }
/** Coarse grids of ones. Their sides are a half, then a quarter. */
const drawsOf = (sides: (readonly [number, number])[]): NoiseDraws => ({
  normal(_, { height, width }) {
    sides.push([height, width])
    return new Float32Array(height * width).fill(1)
  },
  uniform: () => 0,
})

it("adds grids whose sides shrink, until a side is one place, and divides by the deviation", () => {
  const sides: (readonly [number, number])[] = []
  const noise = Float32Array.from({ length: 32 }, (_, i) => (i % 2 === 0 ? 1 : -1))
  addCoarserGrids(noise, { iterations: 9, discount: 0.5 }, grid, drawsOf(sides))
  expect(sides).toEqual([
    [8, 4],
    [4, 2],
    [2, 1],
  ])
  // 1 + 0.5 + 0.25 is added to each value, and the deviation with one degree of freedom less is that of ±1.
  const deviation = Math.sqrt(32 / 31)
  expect(noise[0]).toBeCloseTo((1 + 1.75) / deviation, 5)
  expect(noise[1]).toBeCloseTo((-1 + 1.75) / deviation, 5)
})
