import { expect, it } from "vitest"
import { createStream } from "../random/stream.ts"
import { streamDraws } from "./batch-draws.ts"
import { drawHole } from "./drawn-hole.ts"

const stream = createStream(1, "hole")
const shareOf = ({ data }: { readonly data: Uint8Array }): number =>
  data.filter((value) => value === 255).length / data.length

it("draws holes that are neither nothing nor everything, at many places", () => {
  const size = { width: 96, height: 64 }
  const holes = Array.from({ length: 60 }, (_, step) => drawHole(size, stream, { step }))
  const shares = holes.map(shareOf)
  expect(Math.min(...shares)).toBeGreaterThan(0)
  expect(Math.max(...shares)).toBeLessThan(1)
  expect(Math.max(...shares) - Math.min(...shares)).toBeGreaterThan(0.3)
  const everywhere = new Uint8Array(96 * 64)
  for (const { data } of holes) for (const [i, value] of data.entries()) if (value > 0) everywhere[i] = 255
  expect(shareOf({ data: everywhere })).toBeGreaterThan(0.95)
})

it("draws each shape where its five numbers place it", () => {
  // How many; then kind, width, height, left and top of each. Sides are 10 to 60 % of the picture's.
  const draw = (...numbers: readonly number[]): readonly string[] => {
    const fixed = { uniform: () => Float32Array.of(...numbers, ...new Array(21 - numbers.length).fill(0)) }
    const { width, height, data } = drawHole({ width: 10, height: 5 }, fixed, { step: 1 })
    expect([width, height]).toEqual([10, 5])
    return Array.from({ length: height }, (_, y) =>
      Array.from(data.subarray(y * width, (y + 1) * width), (value) => (value === 255 ? "#" : ".")).join(""),
    )
  }
  // A rectangle of 10 % + 0.8 · 50 % of 10, by as much of 5, rounded: 5 by 3, a third of the way from the left, at the top.
  expect(draw(0, 0.25, 0.8, 0.8, 0.34, 0)).toEqual([
    "..#####...",
    "..#####...",
    "..#####...",
    "..........",
    "..........",
  ])
  // An ellipse of 6 by 3 at the right and the bottom.
  expect(draw(0, 0.5, 0.99, 0.99, 0.99, 0.99)).toEqual([
    "..........",
    "..........",
    ".....####.",
    "....######",
    ".....####.",
  ])
  // Two rectangles of the least size: 1 by 1. The second one's numbers follow the first's.
  expect(draw(0.25, 0, 0, 0, 0, 0, 0, 0, 0, 0.5, 0.9)).toEqual([
    "#.........",
    "..........",
    "..........",
    "..........",
    ".....#....",
  ])
})

it("draws one to four shapes with equal chances", () => {
  const count = (many: number): number => {
    const places = [0, 0.3, 0.6, 0.9].flatMap((x) => [0, 0, 0, x, 0])
    const { data } = drawHole({ width: 10, height: 5 }, { uniform: () => Float32Array.of(many, ...places) }, {})
    return data.filter((value) => value > 0).length
  }
  expect([0, 0.24, 0.25, 0.49, 0.5, 0.74, 0.75, 0.999].map(count)).toEqual([1, 1, 2, 2, 3, 3, 4, 4])
})

it("draws rectangles and ellipses inside of a picture of any size", () => {
  for (const [width, height] of [
    [1, 1],
    [8, 3],
  ] as const) {
    for (let step = 0; step < 20; step++) {
      const { data } = drawHole({ width, height }, stream, { step })
      expect(data).toHaveLength(width * height)
      expect(shareOf({ data })).toBeGreaterThan(0)
    }
  }
})

it("gives a row its hole by the seed, the step and the row alone", () => {
  const size = { width: 32, height: 32 }
  const [, second] = streamDraws(5, 3, 0, 2).holes(size)
  expect(streamDraws(5, 3, 1, 1).holes(size)).toEqual([second])
  expect(streamDraws(5, 4, 1, 1).holes(size)).not.toEqual([second])
})
