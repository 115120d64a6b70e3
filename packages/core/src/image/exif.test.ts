import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { exifOrientation } from "./exif.ts"
import { PICTURE_FORMATS } from "./picture-format.ts"

const big32 = (value: number): readonly number[] => [
  value >>> 24,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255,
]
const text = (letters: string): readonly number[] => [...letters].map((letter) => letter.charCodeAt(0))

/** A TIFF structure with two entries, the second one the orientation. */
function tiff(orientation: number, isLittle: boolean): readonly number[] {
  const two = (value: number): readonly number[] => {
    const bytes = [value >>> 8, value & 255]
    return isLittle ? bytes.reverse() : bytes
  }
  const four = (value: number): readonly number[] => (isLittle ? big32(value).toReversed() : big32(value))
  const entry = (tag: number, value: number): readonly number[] => [
    ...two(tag),
    ...two(3),
    ...four(1),
    ...two(value),
    0,
    0,
  ]
  return [
    ...text(isLittle ? "II" : "MM"),
    ...two(42),
    ...four(8),
    ...two(2),
    ...entry(0x0100, 7),
    ...entry(0x0112, orientation),
    ...four(0),
  ]
}

const files = {
  JPEG: (exif: readonly number[]) => {
    const length = exif.length + 8
    const app0 = [0xff, 0xe0, 0, 4, 1, 2]
    return [0xff, 0xd8, ...app0, 0xff, 0xe1, length >>> 8, length & 255, ...text("Exif\0\0"), ...exif, 0xff, 0xda]
  },
  PNG: (exif: readonly number[]) => [
    ...[0x89, ...text("PNG\r\n"), 0x1a, 0x0a],
    ...[...big32(2), ...text("IHDR"), 1, 2, ...big32(0)],
    ...[...big32(exif.length), ...text("eXIf"), ...exif, ...big32(0)],
  ],
  WebP: (exif: readonly number[]) => [
    ...[...text("RIFF"), 0, 0, 0, 0, ...text("WEBP")],
    ...[...text("VP8X"), 3, 0, 0, 0, 1, 2, 3, 0],
    ...[...text("EXIF"), ...big32(exif.length).toReversed(), ...exif],
  ],
} as const

describe("exifOrientation", () => {
  it.each(PICTURE_FORMATS.flatMap((format) => [true, false].map((isLittle) => [format, isLittle] as const)))(
    "finds the orientation of a %s, little-endian: %s",
    (format, isLittle) => {
      for (let value = 1; value <= 8; value++) {
        expect(exifOrientation(Uint8Array.from(files[format](tiff(value, isLittle))), format)).toBe(value)
      }
      for (const value of [0, 9]) {
        expect(exifOrientation(Uint8Array.from(files[format](tiff(value, isLittle))), format)).toBe(1)
      }
    },
  )

  it("takes any bytes", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PICTURE_FORMATS),
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(199),
        (format, noise, cut) => {
          const file = Uint8Array.from(files[format](tiff(6, true)))
          file.set(
            noise.subarray(0, Math.min(20, file.length)),
            Math.min(cut, file.length - Math.min(20, noise.length)),
          )
          for (const bytes of [noise, file, file.subarray(0, cut)]) {
            expect(exifOrientation(bytes, format)).toBeGreaterThanOrEqual(1)
            expect(exifOrientation(bytes, format)).toBeLessThanOrEqual(8)
          }
        },
      ),
    )
  })
})
