import { open } from "node:fs/promises"
import type { ByteSource } from "@lllite/format"
import { fileError, InputError } from "../errors.ts"

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
    const fill = async (target: Uint8Array, start: number): Promise<number> => {
      let filled = 0
      // One call may return less than asked for, and none returns more than 2 GiB.
      while (filled < target.byteLength) {
        const { bytesRead } = await handle.read(target, filled, target.byteLength - filled, start + filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
      // A short result is the caller's to judge: format's readers refuse it by name.
      return filled
    }
    return {
      size: status.size,
      label: path,
      read: async (start, end) => {
        const bytes = new Uint8Array(end - start)
        return bytes.subarray(0, await fill(bytes, start))
      },
      readInto: fill,
      close: () => handle.close(),
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
