import { PNG_SIGNATURE, type PngText } from "@lllite/core/image"
import { valueText } from "@lllite/core/names"
import { CoreError } from "@lllite/core/runtime"
import { WebRuntimeError } from "../errors.ts"

/** Bytes of the longest text that is unpacked. A few packed bytes may unpack to gigabytes. */
const MOST_TEXT = 16 * 1024 * 1024

/** The chunks that hold text. */
const TEXT_CHUNKS = ["tEXt", "zTXt", "iTXt"]

/** What a PNG says of itself. */
export interface PngInfo {
  readonly width: number
  readonly height: number
  readonly text: PngText
}

/**
 * Reads the size of a PNG, and the text inside it, such as a picture's settings. The pixels are not read.
 * Source: PNG, third edition (W3C), sections 11.2 and 11.3.3.
 *
 * @returns null for a file that is not a PNG
 * @throws WebRuntimeError when it ends too early, or its text cannot be unpacked or is over 16 MiB
 */
export async function readPngInfo(file: Blob): Promise<PngInfo | null> {
  if (!(file instanceof Blob)) {
    throw new CoreError("argument", `PNG text: the file is ${valueText(file)}, expected a File or Blob`)
  }
  const head = new Uint8Array(await file.slice(0, 24).arrayBuffer())
  if (head.length < 24 || !PNG_SIGNATURE.every((byte, i) => head[i] === byte)) return null
  const size = new DataView(head.buffer)
  const text = new Map<string, string>()
  for (let at = PNG_SIGNATURE.length; at < file.size; ) {
    const view = new DataView(await file.slice(at, at + 8).arrayBuffer())
    const length = view.byteLength === 8 ? view.getUint32(0) : Number.POSITIVE_INFINITY
    if (at + 12 + length > file.size) throw brokenPng(`the file ends inside of the chunk at byte ${at}`)
    const type = latin1(new Uint8Array(view.buffer, 4))
    if (type === "IEND") break
    if (TEXT_CHUNKS.includes(type)) {
      if (length > MOST_TEXT)
        throw brokenPng(`the text at byte ${at} has ${length} bytes, expected at most ${MOST_TEXT}`)
      const entry = await readText(type, new Uint8Array(await file.slice(at + 8, at + 8 + length).arrayBuffer()))
      if (entry !== null) text.set(...entry)
    }
    at += 12 + length
  }
  return { width: size.getUint32(16), height: size.getUint32(20), text }
}

/** The keyword and the value of a chunk. Null: its form is not known. */
async function readText(type: string, body: Uint8Array<ArrayBuffer>): Promise<readonly [string, string] | null> {
  const end = body.indexOf(0)
  if (end < 0) return null
  const keyword = latin1(body.subarray(0, end))
  if (type === "tEXt") return [keyword, latin1(body.subarray(end + 1))]
  if (type === "zTXt") return body[end + 1] === 0 ? [keyword, latin1(await inflated(body.subarray(end + 2)))] : null
  const language = body.indexOf(0, end + 3)
  const translated = language < 0 ? -1 : body.indexOf(0, language + 1)
  if (translated < 0) return null
  const packed = body.subarray(translated + 1)
  return [keyword, new TextDecoder().decode(body[end + 1] === 1 ? await inflated(packed) : packed)]
}

/** @throws WebRuntimeError for text that cannot be unpacked, or that is too long */
async function inflated(packed: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate")).getReader()
  const parts: Uint8Array<ArrayBuffer>[] = []
  try {
    for (let size = 0; ; ) {
      const { done, value } = await reader.read()
      if (done) break
      size += value.byteLength
      if (size > MOST_TEXT) throw new Error(`it has more than ${MOST_TEXT} bytes`)
      parts.push(value)
    }
  } catch (cause) {
    await reader.cancel().catch(() => {})
    throw brokenPng("a text cannot be unpacked", cause)
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer())
}

function brokenPng(problem: string, cause?: unknown): WebRuntimeError {
  return new WebRuntimeError("picture-broken", `PNG text: ${problem}. Get a complete copy.`, { cause })
}

function latin1(bytes: Uint8Array): string {
  let text = ""
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return text
}
