import { deflateSync, inflateSync } from "node:zlib"
import type { RgbImage } from "@lllite/core/image"
import { InputError } from "../errors.ts"

/** Text inside a PNG, in order: keywords (1 to 79 Latin characters) and values. */
export type PngText = ReadonlyMap<string, string>

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)
const EIGHT_BIT = 8
const TRUECOLOUR = 2
/** Bytes of the longest text that is unpacked. A few packed bytes may unpack to gigabytes. */
const MOST_TEXT = 16 * 1024 * 1024

/**
 * Encodes a picture as a PNG with text inside. The same picture and text give the same bytes: no time and no name of a
 * program is written.
 *
 * Text of Latin-1 characters is written as tEXt. Other text is written as iTXt, as PIL does for sd-scripts.
 * Source: PNG, third edition (W3C), sections 9.2, 11.2 and 11.3.3.
 *
 * @throws InputError for a keyword that PNG does not allow, or for data whose length does not fit the size
 */
export function encodePng(image: RgbImage, text: PngText = new Map()): Uint8Array {
  const { width, height, data } = image
  if (data.length !== width * height * 3) {
    throw new InputError(
      "picture-data",
      `PNG: ${width} x ${height} RGB takes ${width * height * 3} bytes, got ${data.length}.`,
    )
  }
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, width)
  view.setUint32(4, height)
  header.set([EIGHT_BIT, TRUECOLOUR], 8)
  return joined([
    SIGNATURE,
    chunk("IHDR", header),
    ...[...text].map(([keyword, value]) => textChunk(keyword, value)),
    chunk("IDAT", deflateSync(filtered(image), { level: 9 })),
    chunk("IEND", new Uint8Array()),
  ])
}

/**
 * Reads the text inside a PNG. Other chunks are not decoded.
 *
 * @throws InputError when the bytes are not a PNG or end too early
 */
export function decodePngText(bytes: Uint8Array): PngText {
  if (!SIGNATURE.every((byte, i) => bytes[i] === byte))
    throw new InputError("not-a-picture", "PNG text: the bytes are not a PNG.")
  const text = new Map<string, string>()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = SIGNATURE.length; at < bytes.length; ) {
    const length = at + 12 <= bytes.length ? view.getUint32(at) : Number.POSITIVE_INFINITY
    if (at + 12 + length > bytes.length) {
      throw new InputError(
        "picture-broken",
        `PNG text: the file ends inside of the chunk at byte ${at}. Get a complete copy.`,
      )
    }
    const type = latin1(bytes.subarray(at + 4, at + 8))
    const body = bytes.subarray(at + 8, at + 8 + length)
    if (type === "IEND") break
    const entry = type === "tEXt" ? parseText(body) : type === "iTXt" ? parseInternational(body) : undefined
    if (entry !== undefined) text.set(...entry)
    at += 12 + length
  }
  return text
}

/** Each row under the filter with the smallest sum of differences, as the specification advises. */
function filtered({ width, height, data }: RgbImage): Uint8Array {
  const line = width * 3
  const result = new Uint8Array((line + 1) * height)
  const candidate = new Uint8Array(line)
  for (let row = 0; row < height; row++) {
    let least = Number.POSITIVE_INFINITY
    for (const [type, predict] of FILTERS.entries()) {
      let cost = 0
      for (let i = 0; i < line; i++) {
        const at = row * line + i
        const left = i >= 3 ? (data[at - 3] as number) : 0
        const up = row > 0 ? (data[at - line] as number) : 0
        const corner = i >= 3 && row > 0 ? (data[at - line - 3] as number) : 0
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
    throw new InputError(
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

function parseText(body: Uint8Array): [string, string] | undefined {
  const end = body.indexOf(0)
  return end < 0 ? undefined : [latin1(body.subarray(0, end)), latin1(body.subarray(end + 1))]
}

function parseInternational(body: Uint8Array): [string, string] | undefined {
  const end = body.indexOf(0)
  const language = body.indexOf(0, end + 3)
  const translated = body.indexOf(0, language + 1)
  if (end < 0 || language < 0 || translated < 0) return undefined
  const packed = body.subarray(translated + 1)
  const value = body[end + 1] === 1 ? inflateSync(packed, { maxOutputLength: MOST_TEXT }) : packed
  return [latin1(body.subarray(0, end)), new TextDecoder().decode(value)]
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

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1")
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let offset = 0
  for (const part of parts) {
    result.set(part, offset)
    offset += part.length
  }
  return result
}

/** node:zlib has this function from Node 22.2 on. This package supports Node 20, too. */
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
