import { describe, expect, it } from "vitest"
import { blank, edgesOf, fitSquare } from "./canvas-image.ts"

describe("fitSquare", () => {
  it("keeps the middle of a wide picture", () => {
    // Left third black, middle third grey, right third white.
    const width = 96
    const data = Uint8Array.from({ length: width * 32 * 3 }, (_, i) => {
      const x = Math.floor(i / 3) % width
      return x < 32 ? 0 : x < 64 ? 128 : 255
    })
    const fitted = fitSquare({ width, height: 32, data }, 32)
    expect([fitted.width, fitted.height]).toEqual([32, 32])
    expect(new Set(fitted.data)).toEqual(new Set([128]))
  })

  it.each([
    [1, 1],
    [3, 500],
    [129, 127],
  ])("makes a square of the given size from %d × %d", (width, height) => {
    const fitted = fitSquare({ width, height, data: new Uint8Array(width * height * 3).fill(9) }, 64)
    expect([fitted.width, fitted.height, fitted.data.length]).toEqual([64, 64, 64 * 64 * 3])
    expect(new Set(fitted.data)).toEqual(new Set([9]))
  })
})

it("finds no edges on a blank sheet, and the outline of a black square", () => {
  expect(edgesOf(blank(32)).data.some((value) => value !== 0)).toBe(false)
  const square = blank(32)
  for (let y = 8; y < 24; y++) square.data.fill(0, (y * 32 + 8) * 3, (y * 32 + 24) * 3)
  const edges = edgesOf(square).data.filter((value) => value === 255).length / 3
  expect(edges).toBeGreaterThan(48)
  expect(edges).toBeLessThan(80)
})
