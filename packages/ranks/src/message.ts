import { RanksError } from "./errors.ts"

/**
 * A message as bytes: a head, and then the arrays of numbers in the order in which the head names them.
 *
 * The head is JSON behind its length (4 bytes, little-endian). In it, an array of numbers is
 * `{"$": "f32" or "u8", "length": n}`, a bigint is `{"$": "bigint", "digits": "…"}`, and a number that JSON has no word
 * for is `{"$": "number", "text": "Infinity"}`. An object with a key `$` of its own cannot be sent.
 */

/** The longest head, in bytes. Captions and the list of sites are in it. */
const MAX_HEAD = 16 * 2 ** 20

/** The most bytes of all arrays of a message: more than the values of the widest LLLite, and a batch of pictures. */
const MAX_ARRAYS = 2 * 2 ** 30

/** Bytes of one frame of the stream. */
const FRAME = 2 * 2 ** 20

/** What a message may have. */
export interface MessageLimits {
  readonly head: number
  readonly arrays: number
}

export const MESSAGE_LIMITS: MessageLimits = { head: MAX_HEAD, arrays: MAX_ARRAYS }

type Numbers = Float32Array | Uint8Array

/** The bytes of a message, in frames of at most 2 MiB. Arrays are not copied, so they must stay as they are until sent. */
export function packMessage(message: unknown): readonly Uint8Array[] {
  const arrays: Numbers[] = []
  const head = Buffer.from(JSON.stringify(outgoing(message, arrays)))
  if (head.length > MAX_HEAD)
    throw new RanksError("message", `ranks: a message's head has ${head.length} bytes, expected at most ${MAX_HEAD}.`)
  const start = Buffer.alloc(4 + head.length)
  start.writeUInt32LE(head.length)
  head.copy(start, 4)
  return [
    start,
    ...arrays.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength)),
  ].flatMap(framesOf)
}

function framesOf(bytes: Uint8Array): readonly Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let from = 0; from < bytes.length; from += FRAME) frames.push(bytes.subarray(from, from + FRAME))
  return frames
}

/** A value as JSON has it. Its arrays of numbers are appended to `arrays`. */
function outgoing(value: unknown, arrays: Numbers[]): unknown {
  if (value instanceof Float32Array || value instanceof Uint8Array) {
    arrays.push(value)
    return { $: value instanceof Float32Array ? "f32" : "u8", length: value.length }
  }
  if (typeof value === "bigint") return { $: "bigint", digits: String(value) }
  if (typeof value === "number" && !Number.isFinite(value)) return { $: "number", text: String(value) }
  if (Object.is(value, -0)) return { $: "number", text: "-0" }
  if (Array.isArray(value)) return value.map((item) => outgoing(item, arrays))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, outgoing(item, arrays)]))
}

/** Puts frames together. */
export interface MessageReader {
  /** Takes the next frame. @returns the message that it completes, or null. @throws RanksError `message` */
  take(frame: Uint8Array): { readonly message: unknown } | null
}

/**
 * Reads the messages of a stream of frames. Frames may be cut anywhere but between two messages of one frame.
 *
 * @param limits as of now, for the next message
 */
export function createMessageReader(limits: () => MessageLimits = () => MESSAGE_LIMITS): MessageReader {
  let start: Buffer = Buffer.alloc(0)
  let open: { readonly message: unknown; readonly arrays: readonly Numbers[]; at: number; filled: number } | null = null

  const begin = (): Uint8Array | null => {
    if (start.length < 4) return null
    const length = start.readUInt32LE()
    const { head, arrays: most } = limits()
    if (length > head) throw refused(`a head of ${length} bytes, expected at most ${head}`)
    if (start.length < 4 + length) return null
    const arrays: Numbers[] = []
    const room = { bytes: most, most }
    open = { message: incoming(parsed(start.toString("utf8", 4, 4 + length)), arrays, room), arrays, at: 0, filled: 0 }
    const rest = start.subarray(4 + length)
    start = Buffer.alloc(0)
    return rest
  }

  return {
    take(frame) {
      let bytes: Uint8Array = frame
      if (open === null) {
        start = Buffer.concat([start, frame])
        const rest = begin()
        if (rest === null) return null
        bytes = rest
      }
      if (open === null) return null
      while (bytes.length > 0) {
        const array = open.arrays[open.at]
        if (array === undefined) throw refused("more bytes than its head names")
        const room = array.byteLength - open.filled
        const part = bytes.subarray(0, room)
        new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(part, open.filled)
        bytes = bytes.subarray(part.length)
        open.filled += part.length
        if (open.filled === array.byteLength) {
          open.at += 1
          open.filled = 0
        }
      }
      while (open.arrays[open.at]?.byteLength === 0) open.at += 1
      if (open.at < open.arrays.length) return null
      const { message } = open
      open = null
      return { message }
    },
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw refused("a head that is not JSON")
  }
}

/** The value of a head. Its arrays of numbers are new, and are to be filled. They are in memory that threads share. */
function incoming(value: unknown, arrays: Numbers[], room: { bytes: number; readonly most: number }): unknown {
  if (Array.isArray(value)) return value.map((item) => incoming(item, arrays, room))
  if (typeof value !== "object" || value === null) return value
  if (!Object.hasOwn(value, "$")) {
    const entries = Object.entries(value).map(([key, item]) => [key, incoming(item, arrays, room)] as const)
    return Object.fromEntries(entries)
  }
  const { $, length, digits, text } = value as Readonly<Record<string, unknown>>
  if ($ === "bigint" && typeof digits === "string" && /^-?\d{1,40}$/.test(digits)) return BigInt(digits)
  if ($ === "number" && (text === "NaN" || text === "Infinity" || text === "-Infinity" || text === "-0"))
    return Number(text)
  if (($ === "f32" || $ === "u8") && Number.isSafeInteger(length) && (length as number) >= 0) {
    const bytes = (length as number) * ($ === "f32" ? 4 : 1)
    room.bytes -= bytes
    if (room.bytes < 0) throw refused(`arrays of more than ${room.most} bytes`)
    const buffer = new SharedArrayBuffer(bytes)
    const array = $ === "f32" ? new Float32Array(buffer) : new Uint8Array(buffer)
    arrays.push(array)
    return array
  }
  throw refused(`a value of the kind ${JSON.stringify($)}`)
}

function refused(what: string): RanksError {
  return new RanksError("message", `ranks: a message has ${what}. All ranks must be of one version.`)
}
