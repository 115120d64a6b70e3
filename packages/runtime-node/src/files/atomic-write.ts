import type { FileHandle } from "node:fs/promises"
import { link, open, rename, rm, stat } from "node:fs/promises"
import { dirname, join, parse, resolve } from "node:path"
import { CoreError } from "@lllite/core"
import { checkOptions, type OptionKinds, valueText } from "@lllite/core/names"
import { fileError } from "../errors.ts"
import type { Existing } from "./output-target.ts"
import { findTarget, takenError } from "./output-target.ts"
import { hasCode } from "./system-code.ts"
import { openInHiddenFolder, openTemporary } from "./temporary-file.ts"

/** The contents of a file: text, bytes, or bytes in pieces. */
export type Contents = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** Options of {@link writeAtomically}. */
export interface WriteOptions {
  /** What happens if the name is taken. Default: `replace` */
  readonly existing?: Existing
  /**
   * Whether a missing folder of the file appears only with the whole file in it. So a program that is killed leaves no
   * empty folder of this name. Default: false, the folder is made first
   */
  readonly withFolder?: boolean
}

export const WRITE_KINDS: OptionKinds<WriteOptions> = { existing: "text", withFolder: "true or false" }

/**
 * Writes a file so that it is there whole or not at all. The bytes go to a temporary file beside it. That file is
 * flushed to the disk and then renamed to `path`. Missing folders are made. An earlier file at `path` stays until the
 * rename.
 *
 * A replaced file keeps its permissions, and its owner where the system allows it. A symbolic link stays, and the file
 * that it leads to is replaced. Folders, devices, pipes and sockets are refused.
 *
 * The temporary file is removed when the process exits meanwhile. A program that is killed leaves it behind. The next
 * write into the same folder then removes it.
 *
 * @returns the path of the file, which differs from `path` if `existing` is `rename` and the name was taken
 * @throws InputError when the path cannot be written, or when it exists and `existing` is `refuse`. Errors of `contents`
 * are passed on. No temporary file stays behind.
 */
export async function writeAtomically(path: string, contents: Contents, options: WriteOptions = {}): Promise<string> {
  checkOptions("write", options, WRITE_KINDS)
  checkContents(contents)
  const { existing = "replace", withFolder = false } = options
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      throw fileError("write", path, cause)
    }
  }
  // The name is checked before the work and again at its end, since making the contents may take hours.
  const target = await findTarget(path, existing)
  const make = withFolder && (await isMissing(dirname(target.path))) ? openInHiddenFolder : openTemporary
  const temporary = await attempt(() => make(target.path, target.earlier))
  let written: string
  try {
    await fill(temporary.handle, contents, attempt)
    written = await attempt(async () => {
      if (temporary.show === undefined) return giveName(temporary.path, path, existing)
      await temporary.show()
      return path
    })
  } catch (error) {
    // The first error is the one that counts.
    await rm(temporary.folder ?? temporary.path, { recursive: true, force: true }).catch(() => {})
    throw error
  } finally {
    temporary.keep()
  }
  await attempt(() => syncFolders(dirname(target.path), temporary.firstMade))
  return written
}

/** @throws CoreError for contents that have no bytes, such as a promise of them */
function checkContents(contents: Contents | null): void {
  const { [Symbol.iterator]: each, [Symbol.asyncIterator]: eachLater } = Object(contents) as Partial<
    Iterable<unknown> & AsyncIterable<unknown>
  >
  if (each === undefined && eachLater === undefined) {
    throw new CoreError("argument", `write: the contents are ${valueText(contents)}, expected text, bytes or pieces`)
  }
}

/** Writes the contents, flushes them to the disk and closes the file. */
async function fill(
  handle: FileHandle,
  contents: Contents,
  attempt: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<void> {
  try {
    // Errors of `contents` pass unchanged. Only errors of the disk are about this path.
    for await (const piece of pieces(contents)) await attempt(() => writeAll(handle, piece))
    await attempt(() => handle.sync())
  } catch (error) {
    await handle.close().catch(() => {})
    throw error
  }
  await attempt(() => handle.close())
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

/** Gives a finished file its name. @returns the path that it has now */
async function giveName(temporary: string, path: string, existing: Existing): Promise<string> {
  if (existing === "replace") {
    // Meanwhile the path may have become a folder or a link.
    await rename(temporary, (await findTarget(path, existing)).path)
    return path
  }
  for (let number = 1; ; number++) {
    const free = number === 1 ? path : numbered(path, number)
    if (await takeFree(temporary, free)) return free
    if (existing === "refuse") throw takenError([path])
  }
}

/** Gives a finished file a name if the name is free. Of several programs at once, one gets it. */
async function takeFree(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path)
    await rm(temporary)
    return true
  } catch (cause) {
    if (hasCode(cause, "EEXIST")) return false
    // FAT and some network file systems have no links. An empty file reserves the name there.
    if (!hasCode(cause, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK")) throw cause
  }
  try {
    await (await open(path, "wx")).close()
  } catch (cause) {
    if (hasCode(cause, "EEXIST")) return false
    throw cause
  }
  await rename(temporary, path)
  return true
}

/** The longest name in bytes that common file systems take. */
const LONGEST_NAME = 255

/** `a/name-2.png` for `a/name.png`. A long name is cut. */
function numbered(path: string, number: number): string {
  const { dir, name, ext } = parse(path)
  const end = `-${number}${ext}`
  let begin = name
  while (begin !== "" && Buffer.byteLength(begin + end) > LONGEST_NAME) begin = [...begin].slice(0, -1).join("")
  return join(dir, begin + end)
}

async function isMissing(folder: string): Promise<boolean> {
  return stat(folder).then(
    () => false,
    (cause: unknown) => hasCode(cause, "ENOENT"),
  )
}

/** Flushes a rename, and the folders made for it, to the disk. Windows cannot open a folder and does not need this. */
async function syncFolders(folder: string, firstMade: string | undefined): Promise<void> {
  if (process.platform === "win32") return
  const last = resolve(firstMade === undefined ? folder : dirname(firstMade))
  for (let path = resolve(folder); ; path = dirname(path)) {
    await syncFolder(path)
    if (path === last || path === dirname(path)) return
  }
}

async function syncFolder(path: string): Promise<void> {
  let handle: FileHandle | undefined
  try {
    handle = await open(path, "r")
    await handle.sync()
  } catch (cause) {
    // Some network file systems cannot sync a folder. They keep the order of renames themselves. A folder that may not
    // be read cannot be opened. The file itself is on the disk already.
    if (!hasCode(cause, "EINVAL", "ENOTSUP", "EOPNOTSUPP", "EACCES", "EPERM")) throw cause
  } finally {
    await handle?.close()
  }
}
