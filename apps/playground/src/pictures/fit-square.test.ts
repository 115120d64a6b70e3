import { describe, expect, it } from "vitest"
import { fitSquare } from "./fit-square.ts"

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

  it("gives a control the crop of its picture, though it is smaller", () => {
    // A line at a quarter of the width, in a picture of 400 × 200 and in its control of 100 × 50.
    const lined = (width: number, height: number) => {
      const data = new Uint8Array(width * height * 3)
      for (let i = 0; i < width * height; i++) if (i % width >= width / 2) data.fill(255, 3 * i, 3 * i + 3)
      return { width, height, data }
    }
    const picture = lined(400, 200)
    const control = fitSquare(lined(100, 50), 32, picture)
    const [inPicture, inControl] = [fitSquare(picture, 32), control].map(({ data }) =>
      Array.from({ length: 32 }, (_, x) => (data[3 * x] ?? 0) > 127),
    )
    expect(inControl).toEqual(inPicture)
    expect(inControl?.indexOf(true)).toBe(16)
  })
})
