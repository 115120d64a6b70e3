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
