import type { FileHandle } from "node:fs/promises"
import { InputError } from "../errors.ts"

/*
 * Libraries for tar read the contents of an archive to get from one header to the next. Shards of a million pairs have
 * some hundred gigabytes, so headers alone are read here. Source: POSIX pax, and GNU tar's long names.
 */

/** A regular file in an archive, and where its bytes are. */
export interface TarEntry {
  readonly name: string
  readonly offset: number
  readonly size: number
}

const BLOCK = 512

/** The most bytes of a name or of records that stand before an entry. */
const MOST_EXTRA = 2 ** 20

/**
 * The regular files of a tar archive, in order. Folders and links are passed over.
 *
 * @param size of the archive in bytes
 * @throws InputError `shard` for bytes that are not an archive, and for one that breaks off
 */
export async function* tarEntries(handle: FileHandle, size: number, path: string): AsyncGenerator<TarEntry, void> {
  let next: { readonly name?: string; readonly size?: number } = {}
  for (let at = 0; at + BLOCK <= size; ) {
    const header = await readAt(handle, at, BLOCK)
    if (header.every((byte) => byte === 0)) return
    const kind = headerOf(header, path, at)
    const offset = at + BLOCK
    const length = next.size ?? kind.size
    if (!Number.isSafeInteger(length) || offset + length > size) {
      throw broken(path, `breaks off: its entry at byte ${at} has ${length} bytes. Get a complete copy.`)
    }
    at = offset + Math.ceil(length / BLOCK) * BLOCK
    if (kind.type === "x" || kind.type === "L") {
      if (length > MOST_EXTRA) throw broken(path, `has a name of ${length} bytes, expected at most ${MOST_EXTRA}.`)
      const extra = await readAt(handle, offset, length)
      next = kind.type === "x" ? { ...next, ...recordsOf(extra) } : { ...next, name: textOf(extra) }
      continue
    }
    if (kind.type === "0" || kind.type === "7") yield { name: next.name ?? kind.name, offset, size: length }
    next = {}
  }
}

/** Reads bytes of an open file. @throws InputError when it ends before them */
export async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled)
    if (bytesRead === 0)
      throw new InputError("shard", `a shard ends at byte ${offset + filled}. It was changed meanwhile.`)
    filled += bytesRead
  }
  return bytes
}

interface TarHeader {
  readonly name: string
  readonly size: number
  readonly type: string
}

function headerOf(header: Buffer, path: string, at: number): TarHeader {
  let sum = 8 * 32
  for (const [index, byte] of header.entries()) if (index < 148 || index >= 156) sum += byte
  if (sum !== numberOf(header.subarray(148, 156))) {
    const packed = header[0] === 0x1f && header[1] === 0x8b
    if (at === 0 && packed) {
      throw broken(path, "is compressed, and pictures are read at their places. Write it as plain tar: gunzip FILE.")
    }
    throw broken(path, `is not a tar archive: the header at byte ${at} is wrong. Get a complete copy.`)
  }
  const isUstar = header.toString("latin1", 257, 262) === "ustar"
  // In GNU's older form, other fields stand where the prefix is.
  const prefix = isUstar && header[263] === 0x30 ? textOf(header.subarray(345, 500)) : ""
  const name = textOf(header.subarray(0, 100))
  const type = String.fromCharCode(header[156] || 0x30)
  return { name: prefix === "" ? name : `${prefix}/${name}`, size: numberOf(header.subarray(124, 136)), type }
}

/** A number in octal digits, or in base 256 if its first bit is set. */
function numberOf(field: Buffer): number {
  const [first = 0] = field
  if ((first & 0x80) === 0) return Number.parseInt(textOf(field).trim() || "0", 8)
  return field.subarray(1).reduce((sum, byte) => sum * 256 + byte, first & 0x7f)
}

function textOf(field: Buffer): string {
  const end = field.indexOf(0)
  return field.toString("utf8", 0, end < 0 ? field.length : end)
}

/** The records of pax that matter here: `LENGTH key=value\n` each. */
function recordsOf(bytes: Buffer): { readonly name?: string; readonly size?: number } {
  const found = new Map<string, string>()
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at)
    const length = Number(bytes.toString("latin1", at, Math.max(at, space)))
    if (space < 0 || !(length > 0)) break
    const record = bytes.toString("utf8", space + 1, at + length - 1)
    const equals = record.indexOf("=")
    found.set(record.slice(0, equals), record.slice(equals + 1))
    at += length
  }
  const [name, size] = [found.get("path"), found.get("size")]
  return { ...(name === undefined ? {} : { name }), ...(size === undefined ? {} : { size: Number(size) }) }
}

function broken(path: string, what: string): InputError {
  return new InputError("shard", `"${path}" ${what}`)
}
