import { open } from "node:fs/promises"
import type { ByteSource } from "@lllite/format"
import { fileError, InputError } from "../errors.ts"
import { createReadAhead } from "./read-ahead.ts"

/**
 * A range is read in this many pieces at once, as many as Node has threads for files: a disk gives more when it is asked
 * for more, and most of the time of reading what is cached goes into memory that is touched for the first time.
 */
const PIECES = 4
/** Below this many bytes a piece costs more than it saves. */
const LEAST_PIECE = 2 ** 20

/** A file on disk, read a range at a time. Close it when done. */
export interface PathSource extends ByteSource {
  close(): Promise<void>
}

/**
 * Opens a file for reading by ranges; nothing is read yet.
 *
 * @throws InputError when there is no such file, or it may not be read, or it is a folder
 */
export async function openPath(path: string): Promise<PathSource> {
  const handle = await open(path, "r").catch((cause: unknown) => {
    throw fileError("read", path, cause)
  })
  try {
    const status = await handle.stat()
    if (!status.isFile()) {
      const found = status.isDirectory() ? "a folder" : "no regular file"
      throw new InputError(`cannot read "${path}": it is ${found}, expected a file.`)
    }
    const ahead = createReadAhead(handle, status.size)
    const fill = async (target: Uint8Array, start: number): Promise<number> => {
      let filled = 0
      // One call may return less than asked for, and none returns more than 2 GiB.
      while (filled < target.byteLength) {
        const { bytesRead } = await handle.read(target, filled, target.byteLength - filled, start + filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
      return filled
    }
    // A short result is the caller's to judge: format's readers refuse it by name.
    const fillAtOnce = async (target: Uint8Array, start: number): Promise<number> => {
      if (target.byteLength >= LEAST_PIECE) ahead.after(start + target.byteLength)
      const size = Math.max(LEAST_PIECE, Math.ceil(target.byteLength / PIECES))
      const pieces = Array.from({ length: Math.ceil(target.byteLength / size) }, (_, i) => i * size)
      const filled = await Promise.all(pieces.map((from) => fill(target.subarray(from, from + size), start + from)))
      // What lies behind a piece that the file does not have to its end is none of it.
      const short = filled.findIndex((length, i) => length < Math.min(size, target.byteLength - i * size))
      return short < 0 ? target.byteLength : short * size + (filled[short] ?? 0)
    }
    return {
      size: status.size,
      label: path,
      read: async (start, end) => {
        const bytes = new Uint8Array(end - start)
        return bytes.subarray(0, await fillAtOnce(bytes, start))
      },
      readInto: fillAtOnce,
      close: async () => {
        await ahead.stop()
        await handle.close()
      },
    }
  } catch (error) {
    await handle.close()
    throw fileError("read", path, error)
  }
}

/** Opens a file, hands it over and closes it, whatever happens. @throws InputError as {@link openPath} */
export async function withPath<T>(path: string, use: (source: ByteSource) => Promise<T>): Promise<T> {
  const source = await openPath(path)
  try {
    return await use(source)
  } finally {
    await source.close()
  }
}
