import { deflateSync } from "node:zlib"
import type { RgbImage } from "@lllite/core/image"
import sharp from "sharp"
import { describe, expect, it } from "vitest"
import { decodePngText, encodePng, encodePngWithAlpha } from "./png.ts"

/** Smooth parts, edges and noise, so that every row filter is chosen for some row. */
const image: RgbImage = {
  width: 37,
  height: 23,
  data: Uint8Array.from({ length: 37 * 23 * 3 }, (_, i) => {
    const row = Math.floor(i / 111)
    return row < 8 ? i % 256 : row < 16 ? row * 9 : (i * i * 7 + row) % 251
  }),
}
const text = new Map([
  ["prompt", "a red star\nand a line"],
  ["negative-prompt", ""],
  ["title", "赤い星 ★"],
])

describe("encodePng", () => {
  it("is read by another decoder as what went in", async () => {
    const { data, info } = await sharp(encodePng(image, text)).raw().toBuffer({ resolveWithObject: true })
    expect(info).toMatchObject({ width: 37, height: 23, channels: 3 })
    expect(new Uint8Array(data)).toEqual(image.data)
  })

  it("keeps alpha", async () => {
    const rgba = { ...image, data: Uint8Array.from({ length: 37 * 23 * 4 }, (_, i) => (i * i) % 253) }
    const { data, info } = await sharp(encodePngWithAlpha(rgba)).raw().toBuffer({ resolveWithObject: true })
    expect(info).toMatchObject({ width: 37, height: 23, channels: 4 })
    expect(new Uint8Array(data)).toEqual(rgba.data)
    expect(() => encodePngWithAlpha(image)).toThrow("37 x 23 with alpha needs 3404 bytes, got 2553")
  })

  it("gives the same bytes for the same picture", () => {
    expect(encodePng(image, text)).toEqual(encodePng({ ...image, data: image.data.slice() }, new Map(text)))
  })

  it("keeps its text", () => {
    expect(decodePngText(encodePng(image, text))).toEqual(text)
  })

  it.each(["", " lead", "trail ", "a".repeat(80), "赤", "line\nbreak"])("refuses the keyword %j", (keyword) => {
    expect(() => encodePng(image, new Map([[keyword, "x"]]))).toThrow(/is not a keyword/)
  })

  it("refuses data of another size", () => {
    expect(() => encodePng({ ...image, width: 36 })).toThrow("needs 828 bytes (grey) or 2484 (RGB), got 2553")
  })
})

describe("decodePngText", () => {
  it("refuses bytes that are not a PNG, and a PNG that ends too early at any byte", () => {
    expect(() => decodePngText(Uint8Array.of(1, 2, 3))).toThrow(/not a PNG/)
    const bytes = encodePng(image, text)
    for (const length of [9, 20, 60, 200, bytes.length - 13]) {
      expect(() => decodePngText(bytes.subarray(0, length)), `${length}`).toThrow(/ends inside of the chunk/)
    }
  })

  it("reads compressed text, and refuses what cannot be unpacked", () => {
    const bytes = encodePng(image)
    const withText = (packed: Uint8Array): Uint8Array => {
      const body = Buffer.concat([Buffer.from("parameters\0\0", "latin1"), packed])
      const length = Buffer.alloc(4)
      length.writeUInt32BE(body.length)
      const chunk = Buffer.concat([length, Buffer.from("zTXt", "latin1"), body, Buffer.alloc(4)])
      // After the signature and the header.
      return Buffer.concat([bytes.subarray(0, 33), chunk, bytes.subarray(33)])
    }
    expect(decodePngText(withText(deflateSync("Steps: 20")))).toEqual(new Map([["parameters", "Steps: 20"]]))
    expect(() => decodePngText(withText(Uint8Array.of(1, 2, 3)))).toThrow("a text cannot be unpacked")
  })
})
