import { describe, expect, it } from "vitest"
import { channelsOf, floatsToImage, greyToRgb, imageToFloats, rgbToGrey } from "./image.ts"

const image = { width: 2, height: 1, data: Uint8Array.of(0, 127, 255, 10, 20, 30) }

describe("imageToFloats and floatsToImage", () => {
  it("map black to -1 and white to 1", () => {
    const values = imageToFloats(image)
    expect(values[0]).toBe(-1)
    expect(values[2]).toBe(1)
  })

  it("give every one of the 256 values back", () => {
    const all = { width: 256, height: 1, data: Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)) }
    expect(floatsToImage(imageToFloats(all), 256, 1)).toEqual(all)
  })

  it("clamp what is out of range and round the rest", () => {
    const values = [-3, 7, Number.POSITIVE_INFINITY, 0, -0.9999, (254.6 / 255) * 2 - 1]
    expect([...floatsToImage(values, 2, 1).data]).toEqual([0, 255, 255, 128, 0, 255])
  })

  it("refuse a value that is not a number, and a wrong size", () => {
    expect(() => floatsToImage([0, Number.NaN, 0], 1, 1)).toThrow(/value 1 of 3 is NaN/)
    expect(() => floatsToImage([0, 0, 0, 0], 1, 1)).toThrow(/needs 3 values, got 4/)
  })
})

describe("rgbToGrey", () => {
  it("weighs the channels in OpenCV's fixed point", () => {
    // cv2.cvtColor(…, COLOR_RGB2GRAY)
    const colours = {
      width: 3,
      height: 2,
      data: Uint8Array.from([168, 229, 184, 171, 238, 171, 20, 206, 245, 153, 204, 5, 37, 53, 213, 206, 192, 173]),
    }
    expect([...rgbToGrey(colours).data]).toEqual([206, 210, 155, 166, 66, 194])
  })

  it("keeps grey as it is", () => {
    const grey = { width: 256, height: 1, data: Uint8Array.from({ length: 256 }, (_, i) => i) }
    expect(rgbToGrey(greyToRgb(grey))).toEqual(grey)
  })
})

describe("channelsOf", () => {
  it("tells grey from colour by the length of the data", () => {
    expect(channelsOf(image)).toBe(3)
    expect(channelsOf({ width: 2, height: 3, data: new Uint8Array(6) })).toBe(1)
  })

  it("refuses an alpha channel and a side that is not a size", () => {
    expect(() => channelsOf({ width: 2, height: 1, data: new Uint8Array(8) })).toThrow(/alpha/)
    expect(() => channelsOf({ width: 0, height: 1, data: new Uint8Array(0) })).toThrow(/positive integers/)
  })
})
