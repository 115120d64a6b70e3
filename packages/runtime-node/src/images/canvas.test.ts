import { describe, expect, it } from "vitest"
import { blankImage } from "./canvas.ts"

describe("blankImage", () => {
  it("has one colour", () => {
    expect(blankImage(2, 1, [1, 2, 3])).toEqual({ width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 1, 2, 3) })
  })

  it.each([
    [Number.NaN, 8],
    [8, 0],
    [8, -1],
    [1.5, 8],
    [1e6, 1e6],
    [Number.POSITIVE_INFINITY, 1],
  ])("is refused at %s by %s pixels", (width, height) => {
    expect(() => blankImage(width, height, [0, 0, 0])).toThrow(
      expect.objectContaining({
        code: "picture-size",
        message: expect.stringContaining(`blank picture: ${width}×${height} px, expected`),
      }),
    )
  })
})
