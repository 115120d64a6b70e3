import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { RgbImage } from "../image.ts"
import { FITS, fitImage } from "./fit.ts"

/** A picture with a grey for each pixel. */
const grey = (width: number, value: (x: number, y: number) => number, height = width): RgbImage => ({
  width,
  height,
  data: Uint8Array.from({ length: 3 * width * height }, (_, i) =>
    value(Math.floor(i / 3) % width, Math.floor(i / 3 / width)),
  ),
})
const row = ({ width, data }: RgbImage, y: number): readonly number[] =>
  Array.from({ length: width }, (_, x) => data[3 * (y * width + x)] as number)

/** 40 black columns, then 40 white ones. */
const halves = grey(80, (x) => (x < 40 ? 0 : 255), 40)

describe("fitImage", () => {
  it("stretches, and changes the shape", () => {
    const { width, height, data } = fitImage(halves, { width: 40, height: 40 }, "stretch")
    expect([width, height]).toEqual([40, 40])
    expect(row({ width, height, data }, 20).filter((value) => value > 127)).toHaveLength(20)
  })

  it("crops both ends", () => {
    const wide = grey(80, (x) => (x < 20 || x >= 60 ? 255 : 0), 40)
    const cropped = fitImage(wide, { width: 40, height: 40 }, "crop")
    expect(new Set(row(cropped, 20).slice(2, -2))).toEqual(new Set([0]))
  })

  it("pads both ends with the median of the border, and does not show padding to the change", () => {
    const frame = grey(20, (x, y) => (x === 10 && y === 5 ? 255 : 7), 10)
    const seen: number[] = []
    const result = fitImage(frame, { width: 20, height: 20 }, "pad", (image) => {
      seen.push(image.width, image.height)
      return { ...image, data: image.data.map((value) => 255 - value) }
    })
    expect(seen).toEqual([20, 10])
    expect(row(result, 0)).toEqual(Array<number>(20).fill(248))
    expect(row(result, 19)).toEqual(Array<number>(20).fill(248))
    expect(row(result, 10)[10]).toBe(0)
  })

  it("gives the size for any picture, and leaves one of the size as it is", () => {
    const side = fc.integer({ min: 1, max: 40 })
    fc.assert(
      fc.property(side, side, side, side, fc.constantFrom(...FITS), (fromX, fromY, width, height, fit) => {
        const image = grey(fromX, (x, y) => (37 * x + 11 * y) % 256, fromY)
        const result = fitImage(image, { width, height }, fit)
        expect([result.width, result.height, result.data.length]).toEqual([width, height, 3 * width * height])
        expect(fitImage(image, image, fit)).toEqual(image)
      }),
    )
  })

  it("refuses another way", () => {
    expect(() => fitImage(halves, { width: 8, height: 8 }, "fill" as "pad")).toThrow(
      'image: fit is "fill", expected one of stretch, crop, pad',
    )
  })
})
