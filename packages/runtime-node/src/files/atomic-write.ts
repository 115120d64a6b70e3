import { randomBytes } from "node:crypto"
import type { FileHandle } from "node:fs/promises"
import { mkdir, open, rename, rm } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { fileError } from "../errors.ts"

/** What a file is written from: text, bytes, or bytes in pieces. */
export type Contents = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/**
 * Writes a file so that it is there whole or not at all: under a temporary name beside it, flushed to the disk, then
 * renamed over `path`. Missing folders are made. What stood at `path` before stays until the last moment.
 *
 * @throws InputError when the place cannot be written; and whatever `contents` throws. No temporary file stays behind.
 */
export async function writeAtomically(path: string, contents: Contents): Promise<void> {
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`)
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      throw fileError("write", path, cause)
    }
  }
  const handle = await attempt(async () => {
    await mkdir(folder, { recursive: true })
    return await open(temporary, "wx")
  })
  try {
    try {
      // The source of the pieces throws its own errors; only the disk's are about this path.
      for await (const piece of pieces(contents)) await attempt(() => writeAll(handle, piece))
      await attempt(() => handle.sync())
    } finally {
      await handle.close()
    }
    await attempt(() => rename(temporary, path))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(folder)
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0
  while (written < bytes.byteLength) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.byteLength - written)
    written += bytesWritten
  }
}

function pieces(contents: Contents): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if (typeof contents === "string") return [new TextEncoder().encode(contents)]
  return contents instanceof Uint8Array ? [contents] : contents
}

/** Makes the rename itself last. Windows cannot open a folder, and does not need it. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return
  const handle = await open(folder, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
