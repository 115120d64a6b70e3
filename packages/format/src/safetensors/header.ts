import { expectArgument } from "../argument.ts"
import { FormatError } from "../errors.ts"
import type { ByteSource } from "../source.ts"
import { readExactly, readExactlyInto } from "../source.ts"
import type { SafetensorsHeader } from "./header-contents.ts"
import { HeaderParser } from "./header-parser.ts"
import { HEADER_LENGTH_BYTES, MAX_ENTRY_BYTES, MAX_HEADER_BYTES } from "./header-rules.ts"
import { readUsualHeader } from "./usual-header.ts"

/**
 * Reads the length in a file's first eight bytes and compares it with the file's size, before any allocation.
 *
 * @throws FormatError `file-too-short`, `header-too-long`, `header-truncated`
 */
export function parseHeaderLength(firstBytes: Uint8Array, fileSize: number, label: string): number {
  if (fileSize < HEADER_LENGTH_BYTES || firstBytes.byteLength < HEADER_LENGTH_BYTES) {
    throw new FormatError(
      "file-too-short",
      `the file has ${fileSize} bytes, a safetensors file at least 8. Download or export it again.`,
      { source: label },
    )
  }
  const length = new DataView(firstBytes.buffer, firstBytes.byteOffset).getBigUint64(0, true)
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw new FormatError(
      "header-too-long",
      `the first eight bytes announce a header of ${length} bytes; the format allows ${MAX_HEADER_BYTES}. Is it a safetensors file?`,
      { source: label, offset: 0 },
    )
  }
  if (Number(length) > fileSize - HEADER_LENGTH_BYTES) {
    throw new FormatError(
      "header-truncated",
      `the header has ${length} bytes, but only ${fileSize - HEADER_LENGTH_BYTES} follow. Is the download complete?`,
      { source: label, offset: 0 },
    )
  }
  return Number(length)
}

/**
 * Reads a header's JSON strictly. Everything that the specification forbids is refused:
 *
 * - duplicate names in any spelling, unknown dtypes and fields, numbers that are not plain integers
 * - sizes that disagree with shapes
 * - data that overlaps, has holes, or does not end with the file
 *
 * Names are only keys of maps, so `__proto__` is a name like others. Upstream accepts six things that are refused here:
 *
 * - duplicate names, unknown fields, entries written as arrays
 * - integers and counts of bits above 2^53 - 1, more than 64 dimensions
 * - headers that would take more than 64 MiB of memory (`header-limit`)
 *
 * @param json the header without its length
 * @param fileSize size of the whole file in bytes
 * @throws FormatError that names the rule, the tensor and the byte
 */
export function parseHeader(json: Uint8Array, fileSize: number, label: string): SafetensorsHeader {
  expectArgument(json instanceof Uint8Array, "the header", json, "a Uint8Array")
  const usual = json.byteLength <= WINDOW_BYTES ? readUsualHeader(json, fileSize) : undefined
  if (usual !== undefined) return usual
  const parser = new HeaderParser(json.byteLength, fileSize, label)
  parser.feed(json, HEADER_LENGTH_BYTES, true)
  return parser.finish()
}

/** Bytes of a header that are read at once. Nearly every header is smaller. */
const WINDOW_BYTES = 2 ** 20

/**
 * Reads a header from its source as {@link parseHeader} does, one window at a time. So a long header is never in memory
 * as a whole.
 *
 * @throws FormatError as {@link parseHeader}, `source-short-read`
 */
export async function scanHeader(source: ByteSource, length: number): Promise<SafetensorsHeader> {
  const { size, label } = source
  if (length <= WINDOW_BYTES) {
    return parseHeader(await readExactly(source, HEADER_LENGTH_BYTES, HEADER_LENGTH_BYTES + length), size, label)
  }
  const parser = new HeaderParser(length, size, label)
  const headerEnd = HEADER_LENGTH_BYTES + length
  let reach = WINDOW_BYTES
  let window: Uint8Array = new Uint8Array(0)
  for (;;) {
    const start = parser.wanted
    const end = Math.min(headerEnd, start + reach)
    // One buffer serves all windows. New buffers for a long header would all stay until a garbage collection.
    if (window.length < end - start) window = new Uint8Array(end - start)
    await readExactlyInto(source, window.subarray(0, end - start), start)
    if (parser.feed(window.subarray(0, end - start), start, end === headerEnd)) return parser.finish()
    if (parser.wanted > start) reach = WINDOW_BYTES
    else if (reach < MAX_ENTRY_BYTES) reach *= 2
    else {
      const what = `one entry of the header takes more than ${MAX_ENTRY_BYTES} bytes`
      throw new FormatError("header-limit", what, { source: label, offset: start })
    }
  }
}
