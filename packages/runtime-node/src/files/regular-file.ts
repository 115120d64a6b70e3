import type { Stats } from "node:fs"
import { constants } from "node:fs"
import type { FileHandle } from "node:fs/promises"
import { open, stat } from "node:fs/promises"
import { fileError, InputError } from "../errors.ts"
import { withSameLetters } from "./same-letters.ts"

/** An open regular file. */
export interface RegularFile {
  readonly handle: FileHandle
  /** Bytes when it was opened. Some files of the system, such as those in /proc, state 0. */
  readonly size: number
}

/**
 * Opens a regular file for reading. Anything else is refused before it is opened: a named pipe would wait for a writer
 * for ever, and a device may never end.
 *
 * @throws InputError `not-a-file`, or `file` when it does not exist or may not be read
 */
export async function openRegular(path: string): Promise<RegularFile> {
  let handle: FileHandle | undefined
  try {
    handle = await withSameLetters(path, async (found) => {
      expectRegular(path, await stat(found))
      // Without waiting, if the path has become a pipe since. Windows has no such flag.
      return open(found, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    })
    const status = await handle.stat()
    expectRegular(path, status)
    return { handle, size: status.size }
  } catch (cause) {
    await handle?.close()
    throw fileError("read", path, cause)
  }
}

/**
 * Reads a whole file that is small by nature.
 *
 * @param most the most bytes that are read
 * @param what the kind of file for the error: `a text`
 * @param checkHead throws for first bytes that are not those of such a file. A wrong kind says more than a wrong size
 * @throws InputError `file-size` for a longer file; and as {@link openRegular}
 */
export async function readSmallFile(
  path: string,
  most: number,
  what: string,
  checkHead: (head: Uint8Array) => void = () => {},
): Promise<Uint8Array> {
  const { handle, size } = await openRegular(path)
  try {
    const pieces: Uint8Array[] = []
    for (let length = 0; ; ) {
      const { bytesRead, buffer } = await handle.read(new Uint8Array(Math.max(4096, Math.min(size, most) - length)))
      if (bytesRead === 0) return Buffer.concat(pieces)
      if (length === 0) checkHead(buffer.subarray(0, bytesRead))
      length += bytesRead
      const known = Math.max(size, length)
      if (known > most) throw tooLong(path, known, most, what)
      pieces.push(buffer.subarray(0, bytesRead))
    }
  } catch (cause) {
    throw fileError("read", path, cause)
  } finally {
    await handle.close()
  }
}

function tooLong(path: string, size: number, most: number, what: string): InputError {
  return new InputError(
    "file-size",
    `cannot read "${path}": it has ${size} bytes or more, expected at most ${most} for ${what}. Check the path.`,
  )
}

function expectRegular(path: string, status: Stats): void {
  if (status.isFile()) return
  const kinds: readonly (readonly [string, boolean])[] = [
    ["a folder", status.isDirectory()],
    ["a named pipe", status.isFIFO()],
    ["a socket", status.isSocket()],
    ["a device", status.isCharacterDevice() || status.isBlockDevice()],
  ]
  const [found = "not a regular file"] = kinds.find(([, is]) => is) ?? []
  throw new InputError("not-a-file", `cannot read "${path}": it is ${found}, expected a file. Give the path of a file.`)
}
