import { expectArgument } from "./argument.ts"
import { FormatError } from "./errors.ts"

/**
 * Bytes that can be read a range at a time: memory, a Blob, a file on disk, a URL. Reading a header and one tensor of
 * a 7 GB checkpoint then costs just those bytes.
 */
export interface ByteSource {
  /** Size in bytes. */
  readonly size: number
  /** The source's name in messages, usually the file name. */
  readonly label: string
  /** Bytes `start` (inclusive) to `end` (exclusive), 0 <= start <= end <= size. Do not write to the result. */
  read(start: number, end: number): Promise<Uint8Array>
  /**
   * Fills `target` with the bytes from `start` on and returns their number. Sources that need no new array for this
   * offer it. Long headers and long files are then read through one buffer.
   */
  readInto?(target: Uint8Array, start: number): Promise<number>
}

/** All inputs of this package's readers. */
export type SourceLike = ByteSource | Uint8Array | ArrayBuffer | Blob

/** A source over bytes in memory. Nothing is copied: `read` returns views. */
export function fromBytes(bytes: Uint8Array | ArrayBuffer, label = "bytes"): ByteSource {
  // By its kind, since those of another frame are of other classes.
  const isBytes = /Uint8Array|ArrayBuffer/.test(Object.prototype.toString.call(bytes))
  expectArgument(isBytes, "the bytes", bytes, "a Uint8Array or an ArrayBuffer")
  const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)
  return {
    size: view.byteLength,
    label,
    read: async (start, end) => {
      checkRange(start, end, view.byteLength, label)
      return view.subarray(start, end)
    },
  }
}

/** A source over a Blob or a browser's File, read lazily by slices. Default label: the File's name. */
export function fromBlob(blob: Blob, label?: string): ByteSource {
  expectArgument(blob instanceof Blob, "the file", blob, "a Blob or File")
  const { name: own } = blob as { readonly name?: unknown }
  const name = label ?? (typeof own === "string" ? own : "blob")
  return {
    size: blob.size,
    label: name,
    read: async (start, end) => {
      checkRange(start, end, blob.size, name)
      return new Uint8Array(await blob.slice(start, end).arrayBuffer())
    },
  }
}

/**
 * Any {@link SourceLike} as a {@link ByteSource}. A ByteSource is returned unchanged.
 *
 * @throws FormatError `argument` for anything else, such as a path
 */
export function toSource(input: SourceLike): ByteSource {
  if (input instanceof Uint8Array || input instanceof ArrayBuffer) return fromBytes(input)
  if (input instanceof Blob) return fromBlob(input)
  const isSource = typeof input?.read === "function"
  expectArgument(isSource, "the source", input, "bytes, a Blob or a ByteSource")
  return input
}

/**
 * Reads exactly `start` to `end`. The length of the result is checked, because a file may have become shorter, or a
 * server may ignore ranges.
 *
 * @throws FormatError `source-range`, `source-short-read`
 */
export async function readExactly(source: ByteSource, start: number, end: number): Promise<Uint8Array> {
  expectArgument(typeof source?.read === "function", "the source", source, "what toSource gives")
  checkRange(start, end, source.size, source.label)
  const bytes = await source.read(start, end)
  if (bytes.byteLength !== end - start) {
    throw shortRead(source, start, end - start, bytes.byteLength)
  }
  return bytes
}

/**
 * Fills `target` with the bytes from `start` on, through one buffer if the source supports it.
 *
 * @throws FormatError `source-range`, `source-short-read`
 */
export async function readExactlyInto(source: ByteSource, target: Uint8Array, start: number): Promise<void> {
  if (source.readInto === undefined) {
    target.set(await readExactly(source, start, start + target.byteLength))
    return
  }
  checkRange(start, start + target.byteLength, source.size, source.label)
  const count = await source.readInto(target, start)
  if (count !== target.byteLength) throw shortRead(source, start, target.byteLength, count)
}

function shortRead(source: ByteSource, offset: number, asked: number, got: number): FormatError {
  const what = `asked for ${asked} bytes and got ${got}. Did the file change while it was read?`
  return new FormatError("source-short-read", what, { source: source.label, offset })
}

function checkRange(start: number, end: number, size: number, label: string): void {
  const whole = Number.isSafeInteger(start) && Number.isSafeInteger(end)
  if (!whole || start < 0 || end < start || end > size) {
    throw new FormatError("source-range", `cannot read bytes ${start} to ${end} of ${size}: the range is not inside`, {
      source: label,
    })
  }
}
