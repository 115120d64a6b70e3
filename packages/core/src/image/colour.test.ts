import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { applyGamma, shiftHue } from "./colour.ts"

const one = (...rgb: [number, number, number]) => ({ width: 1, height: 1, data: Uint8Array.from(rgb) })
const byte = fc.integer({ min: 0, max: 255 })

describe("shiftHue", () => {
  it.each([
    [120, [0, 200, 0]],
    [-120, [0, 0, 200]],
    [60, [200, 200, 0]],
    [30, [200, 100, 0]],
    [360, [200, 0, 0]],
  ])("turns red by %i degrees", (degrees, expected) => {
    expect([...shiftHue(one(200, 0, 0), degrees).data]).toEqual(expected)
  })

  it("keeps the largest and the smallest channel, and all of them without a turn", () => {
    fc.assert(
      fc.property(byte, byte, byte, fc.double({ min: -16, max: 16, noNaN: true }), (red, green, blue, degrees) => {
        const before = [red, green, blue]
        const after = [...shiftHue(one(red, green, blue), degrees).data]
        expect(Math.max(...after)).toBe(Math.max(...before))
        expect(Math.min(...after)).toBe(Math.min(...before))
        expect([...shiftHue(one(red, green, blue), 0).data]).toEqual(before)
      }),
    )
  })
})

describe("applyGamma", () => {
  it("keeps black and white, and moves what is between them a little", () => {
    expect([...applyGamma(one(0, 255, 128), 1.05).data]).toEqual([0, 255, 124])
    expect([...applyGamma(one(0, 255, 128), 0.95).data]).toEqual([0, 255, 132])
  })
})
