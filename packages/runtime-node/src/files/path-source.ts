import { checkOptions } from "@lllite/core/names"
import type { ByteSource } from "@lllite/format"
import { fileError } from "../errors.ts"
import { createReadAhead } from "./read-ahead.ts"
import { openRegular } from "./regular-file.ts"

/**
 * A range is read in this many pieces at once. Node has as many threads for files. A disk is faster with several
 * requests at once. Cached bytes are faster, too, since most of the time goes into the first touch of the memory.
 */
const PIECES = 4
/** A piece of fewer bytes than this costs more time than it saves. */
const LEAST_PIECE = 2 ** 20

/** A file on disk that is read by ranges. Close it when done. */
export interface PathSource extends ByteSource {
  close(): Promise<void>
}

/** Options of {@link openPath}. */
export interface PathOptions {
  /** Refuses further reads with its reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Opens a file for reading by ranges. No contents are read yet.
 *
 * @throws InputError when the file does not exist, may not be read, or is not a regular file
 */
export async function openPath(path: string, options: PathOptions = {}): Promise<PathSource> {
  checkOptions<{ signal?: AbortSignal }>("openPath", options, { signal: "an AbortSignal" })
  const { signal } = options
  const { handle, size } = await openRegular(path)
  try {
    const ahead = createReadAhead(handle, size)
    const fill = async (target: Uint8Array, start: number): Promise<number> => {
      let filled = 0
      // One call may return fewer bytes than were requested, and never more than 2 GiB.
      while (filled < target.byteLength) {
        const { bytesRead } = await handle.read(target, filled, target.byteLength - filled, start + filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
      return filled
    }
    // The caller judges a short result. The readers of `@lllite/format` refuse it and name the file.
    const fillAtOnce = async (target: Uint8Array, start: number): Promise<number> => {
      signal?.throwIfAborted()
      if (target.byteLength >= LEAST_PIECE) ahead.after(start + target.byteLength)
      const step = Math.max(LEAST_PIECE, Math.ceil(target.byteLength / PIECES))
      const pieces = Array.from({ length: Math.ceil(target.byteLength / step) }, (_, i) => i * step)
      const filled = await Promise.all(pieces.map((from) => fill(target.subarray(from, from + step), start + from)))
      // A piece that is short ends the result. Later pieces lie behind the end of the file.
      const short = filled.findIndex((length, i) => length < Math.min(step, target.byteLength - i * step))
      return short < 0 ? target.byteLength : short * step + (filled[short] ?? 0)
    }
    return {
      size,
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

/** Opens a file, calls `use` with it, and closes it in every case. @throws InputError as {@link openPath} */
export async function withPath<T>(
  path: string,
  use: (source: ByteSource) => Promise<T>,
  options: PathOptions = {},
): Promise<T> {
  const source = await openPath(path, options)
  try {
    return await use(source)
  } finally {
    await source.close()
  }
}
