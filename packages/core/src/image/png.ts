import type { Bytes } from "@lllite/format"
import { checkArgument } from "../argument.ts"
import { expectRgba, type RgbaImage } from "../control/filters/transparency.ts"
import { CoreError } from "../errors.ts"
import type { RgbImage } from "../image.ts"
import { channelsOf } from "../image.ts"
import { checkRanges } from "../number-range.ts"

/** Text inside a PNG, in order: keywords (1 to 79 Latin characters) and values. */
export type PngText = ReadonlyMap<string, string>

/** The first bytes of every PNG. */
export const PNG_SIGNATURE: readonly number[] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

const EIGHT_BIT = 8
const [TRUECOLOUR, TRUECOLOUR_WITH_ALPHA] = [2, 6]

/**
 * The rows of a picture as a PNG packs them: each row after the number of its filter, `(3 * width + 1) * height` bytes.
 * Each row has the filter with the smallest sum of differences, as the specification advises.
 * Source: PNG, third edition (W3C), sections 9.2 and 12.7.
 *
 * @throws CoreError when the picture is not RGB, or its data has another length
 */
export function pngRows(image: RgbImage): Uint8Array {
  if (channelsOf(image) !== 3) {
    throw new CoreError(
      "picture-channels",
      `PNG: expected RGB data for ${image.width} x ${image.height}, got grey. Use greyToRgb first.`,
    )
  }
  return filtered(image, 3)
}

/**
 * The rows of a picture with alpha, as {@link pngRows}: `(4 * width + 1) * height` bytes.
 *
 * @throws CoreError when the data has another length
 */
export function pngRowsWithAlpha(image: RgbaImage): Uint8Array {
  expectRgba(image)
  return filtered(image, 4)
}

const SIDE = { integer: true, min: 1, max: 2 ** 31 - 1 }

/**
 * A PNG of a picture's packed rows, with text inside. No time and no name of a program is written.
 *
 * Text of Latin-1 characters is written as tEXt. Other text is written as iTXt, as PIL does for sd-scripts.
 * Source: PNG, third edition (W3C), sections 11.2 and 11.3.3.
 *
 * @param size width and height in pixels
 * @param packed {@link pngRows}, compressed in zlib's format
 * @param hasAlpha whether they are {@link pngRowsWithAlpha}
 * @throws CoreError for a keyword that PNG does not allow
 */
export function pngFile(
  size: Pick<RgbImage, "width" | "height">,
  packed: Uint8Array,
  text: PngText = new Map(),
  hasAlpha = false,
): Bytes {
  checkArgument("PNG: the size", size, "an object")
  checkArgument("PNG: the packed rows", packed, "bytes")
  const { width, height } = size
  checkRanges("PNG", { width: width ?? Number.NaN, height: height ?? Number.NaN }, { width: SIDE, height: SIDE })
  checkArgument("PNG: the text", text, "a Map")
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, width)
  view.setUint32(4, height)
  header.set([EIGHT_BIT, hasAlpha ? TRUECOLOUR_WITH_ALPHA : TRUECOLOUR], 8)
  return joined([
    Uint8Array.from(PNG_SIGNATURE),
    chunk("IHDR", header),
    ...[...text].map(([keyword, value]) => textChunk(keyword, value)),
    chunk("IDAT", packed),
    chunk("IEND", new Uint8Array()),
  ])
}

function filtered({ width, height, data }: RgbImage | RgbaImage, channels: 3 | 4): Uint8Array {
  const line = width * channels
  const result = new Uint8Array((line + 1) * height)
  const candidate = new Uint8Array(line)
  for (let row = 0; row < height; row++) {
    let least = Number.POSITIVE_INFINITY
    for (const [type, predict] of FILTERS.entries()) {
      let cost = 0
      for (let i = 0; i < line; i++) {
        const at = row * line + i
        const left = i >= channels ? (data[at - channels] as number) : 0
        const up = row > 0 ? (data[at - line] as number) : 0
        const corner = i >= channels && row > 0 ? (data[at - line - channels] as number) : 0
        const value = ((data[at] as number) - predict(left, up, corner)) & 255
        candidate[i] = value
        cost += value < 128 ? value : 256 - value
      }
      if (cost >= least) continue
      least = cost
      result[row * (line + 1)] = type
      result.set(candidate, row * (line + 1) + 1)
    }
  }
  return result
}

/** The value that each filter type predicts for a byte, by the type's number in the file. */
const FILTERS: readonly ((left: number, up: number, corner: number) => number)[] = [
  () => 0,
  (left) => left,
  (_, up) => up,
  (left, up) => (left + up) >> 1,
  (left, up, corner) => {
    const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)]
    return a <= b && a <= c ? left : b <= c ? up : corner
  },
]

function textChunk(keyword: string, value: string): Uint8Array {
  const allowed = /^[\x21-\x7e\xa1-\xff]([\x20-\x7e\xa1-\xff]{0,77}[\x21-\x7e\xa1-\xff])?$/
  if (!allowed.test(keyword)) {
    throw new CoreError(
      "png-keyword",
      `PNG: ${JSON.stringify(keyword)} is not a keyword, expected 1 to 79 Latin characters.`,
    )
  }
  const name = Uint8Array.from([...keyword, "\0"], (character) => character.charCodeAt(0))
  const codes = Uint16Array.from(value, (character) => character.charCodeAt(0))
  if (codes.every((code) => code > 0 && code < 256)) return chunk("tEXt", joined([name, Uint8Array.from(codes)]))
  // Not compressed, no language, no translated keyword.
  return chunk("iTXt", joined([name, new Uint8Array(4), new TextEncoder().encode(value)]))
}

function chunk(type: string, body: Uint8Array): Uint8Array {
  const result = new Uint8Array(12 + body.length)
  const view = new DataView(result.buffer)
  view.setUint32(0, body.length)
  result.set(
    Uint8Array.from(type, (character) => character.charCodeAt(0)),
    4,
  )
  result.set(body, 8)
  view.setUint32(8 + body.length, crc32(result.subarray(4, 8 + body.length)))
  return result
}

function joined(parts: readonly Uint8Array[]): Bytes {
  const result = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let offset = 0
  for (const part of parts) {
    result.set(part, offset)
    offset += part.length
  }
  return result
}

/** Source: PNG, third edition (W3C), annex D. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 255] as number) ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

const CRC_TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, start) => {
  let value = start
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1
  return value
})
