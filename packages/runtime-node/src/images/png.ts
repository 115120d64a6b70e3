import { deflateSync, inflateSync } from "node:zlib"
import type { PngText, RgbaImage, RgbImage } from "@lllite/core/image"
import { PNG_SIGNATURE, pngFile, pngRows, pngRowsWithAlpha } from "@lllite/core/image"
import { checkArgument } from "@lllite/core/names"
import { InputError } from "../errors.ts"

/** Bytes of the longest text that is unpacked. A few packed bytes may unpack to gigabytes. */
const MOST_TEXT = 16 * 1024 * 1024

/**
 * Encodes a picture as a PNG with text inside. The same picture and text give the same bytes: no time and no name of a
 * program is written.
 *
 * @throws CoreError for a keyword that PNG does not allow, or for data whose length does not fit the size
 */
export function encodePng(image: RgbImage, text?: PngText): Uint8Array {
  return pngFile(image, deflateSync(pngRows(image), { level: 9 }), text)
}

/** Encodes a picture with alpha as a PNG. @throws CoreError when the data has another length */
export function encodePngWithAlpha(image: RgbaImage): Uint8Array {
  return pngFile(image, deflateSync(pngRowsWithAlpha(image), { level: 9 }), new Map(), true)
}

/**
 * Reads the text inside a PNG. Other chunks are not decoded.
 *
 * @throws InputError when the bytes are not a PNG or end too early
 */
export function decodePngText(bytes: Uint8Array): PngText {
  checkArgument("PNG text: the bytes", bytes, "an object")
  if (!PNG_SIGNATURE.every((byte, i) => bytes[i] === byte))
    throw new InputError("not-a-picture", "PNG text: the bytes are not a PNG.")
  const text = new Map<string, string>()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = PNG_SIGNATURE.length; at < bytes.length; ) {
    const length = at + 12 <= bytes.length ? view.getUint32(at) : Number.POSITIVE_INFINITY
    if (at + 12 + length > bytes.length) throw brokenPng(at)
    const type = latin1(bytes.subarray(at + 4, at + 8))
    const body = bytes.subarray(at + 8, at + 8 + length)
    if (type === "IEND") break
    const parse = TEXT_CHUNKS[type]
    const entry = parse?.(body)
    if (entry !== undefined) text.set(...entry)
    at += 12 + length
  }
  return text
}

/** The error for a file that ends too early. @param at the byte at which its last chunk begins */
export function brokenPng(at: number): InputError {
  return new InputError(
    "picture-broken",
    `PNG text: the file ends inside of the chunk at byte ${at}. Get a complete copy.`,
  )
}

/** Whether a chunk of this type is read as text. */
export function isTextChunk(type: string): boolean {
  return Object.hasOwn(TEXT_CHUNKS, type)
}

function parseText(body: Uint8Array): [string, string] | undefined {
  const end = body.indexOf(0)
  return end < 0 ? undefined : [latin1(body.subarray(0, end)), latin1(body.subarray(end + 1))]
}

function parseCompressed(body: Uint8Array): [string, string] | undefined {
  const end = body.indexOf(0)
  // Zero is the only method of compression.
  if (end < 0 || body[end + 1] !== 0) return undefined
  return [latin1(body.subarray(0, end)), latin1(inflated(body.subarray(end + 2)))]
}

function parseInternational(body: Uint8Array): [string, string] | undefined {
  const end = body.indexOf(0)
  const language = body.indexOf(0, end + 3)
  const translated = body.indexOf(0, language + 1)
  if (end < 0 || language < 0 || translated < 0) return undefined
  const packed = body.subarray(translated + 1)
  const value = body[end + 1] === 1 ? inflated(packed) : packed
  return [latin1(body.subarray(0, end)), new TextDecoder().decode(value)]
}

/** @throws InputError for text that cannot be unpacked, or that is too long */
function inflated(packed: Uint8Array): Uint8Array {
  try {
    return inflateSync(packed, { maxOutputLength: MOST_TEXT })
  } catch (cause) {
    throw new InputError("picture-broken", "PNG text: a text cannot be unpacked. Get a complete copy.", { cause })
  }
}

/** Readers of the chunks that hold text. */
const TEXT_CHUNKS: Readonly<Record<string, (body: Uint8Array) => [string, string] | undefined>> = {
  tEXt: parseText,
  zTXt: parseCompressed,
  iTXt: parseInternational,
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1")
}
