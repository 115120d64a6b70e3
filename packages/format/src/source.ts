import { FormatError } from "./errors.ts"

/**
 * Bytes that can be read a range at a time: memory, a Blob, a file on disk, a URL. Reading a header and one tensor of
 * a 7 GB checkpoint then costs just those bytes.
 */
export interface ByteSource {
  /** Size in bytes. */
  readonly size: number
  /** What to call this source in messages, usually the file name. */
  readonly label: string
  /** Bytes `start` (inclusive) to `end` (exclusive), 0 <= start <= end <= size. Do not write to what comes back. */
  read(start: number, end: number): Promise<Uint8Array>
  /**
   * Fills `target` with the bytes from `start` on and says how many there were, for sources that can do so without
   * making a new array. Long headers and long files are read through one buffer then.
   */
  readInto?(target: Uint8Array, start: number): Promise<number>
}

/** Everything the readers of this package take. */
export type SourceLike = ByteSource | Uint8Array | ArrayBuffer | Blob

/** A source over bytes in memory. Nothing is copied: `read` returns views. */
export function fromBytes(bytes: Uint8Array | ArrayBuffer, label = "bytes"): ByteSource {
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

/** A source over a Blob or a browser's File, read lazily by slices. The label defaults to a File's name. */
export function fromBlob(blob: Blob, label?: string): ByteSource {
  const name = label ?? ("name" in blob && typeof blob.name === "string" ? blob.name : "blob")
  return {
    size: blob.size,
    label: name,
    read: async (start, end) => {
      checkRange(start, end, blob.size, name)
      return new Uint8Array(await blob.slice(start, end).arrayBuffer())
    },
  }
}

/** Any {@link SourceLike} as a {@link ByteSource}; a ByteSource comes back as it is. */
export function toSource(input: SourceLike): ByteSource {
  if (input instanceof Uint8Array || input instanceof ArrayBuffer) return fromBytes(input)
  if (input instanceof Blob) return fromBlob(input)
  return input
}

/**
 * Reads exactly `start` to `end`. A source is foreign code (a file that shrank, a server that ignores ranges), so the
 * length that came back is checked.
 *
 * @throws FormatError `source-range`, `source-short-read`
 */
export async function readExactly(source: ByteSource, start: number, end: number): Promise<Uint8Array> {
  checkRange(start, end, source.size, source.label)
  const bytes = await source.read(start, end)
  if (bytes.byteLength !== end - start) {
    throw shortRead(source, start, end - start, bytes.byteLength)
  }
  return bytes
}

/**
 * Fills `target` with the bytes from `start` on, through one buffer where the source can do so.
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
