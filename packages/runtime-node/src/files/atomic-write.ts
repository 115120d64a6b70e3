import { createHash, randomBytes } from "node:crypto"
import type { FileHandle } from "node:fs/promises"
import { link, lstat, mkdir, open, readdir, rename, rm } from "node:fs/promises"
import { hostname } from "node:os"
import { basename, dirname, join, resolve } from "node:path"
import { fileError, InputError } from "../errors.ts"
import { removeOnExit } from "./remove-on-exit.ts"

/** The contents of a file: text, bytes, or bytes in pieces. */
export type Contents = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** Options of {@link writeAtomically}. */
export interface WriteOptions {
  /** Whether an existing file at the path may be replaced. Default: true */
  readonly overwrite?: boolean
}

/**
 * Writes a file so that it is there whole or not at all. The bytes go to a temporary file beside it. That file is
 * flushed to the disk and then renamed to `path`. Missing folders are made. An earlier file at `path` stays until the
 * rename.
 *
 * The temporary file is removed when the process exits meanwhile. A program that is killed leaves it behind. The next
 * write into the same folder then removes it.
 *
 * @throws InputError when the path cannot be written, or when it exists and `overwrite` is false. Errors of `contents`
 * are passed on. No temporary file stays behind.
 */
export async function writeAtomically(path: string, contents: Contents, options: WriteOptions = {}): Promise<void> {
  const { overwrite = true } = options
  const folder = dirname(path)
  const temporary = join(folder, temporaryName(basename(path)))
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      throw fileError("write", path, cause)
    }
  }
  // The name is checked before the work and again at its end, since making the contents may take hours.
  if (!overwrite) await refuseTaken(path)
  const keep = removeOnExit(temporary)
  try {
    const { handle, firstMade } = await attempt(async () => {
      const firstMade = await mkdir(folder, { recursive: true })
      await removeAbandoned(folder)
      return { handle: await open(temporary, "wx"), firstMade }
    })
    try {
      // Errors of `contents` pass unchanged. Only errors of the disk are about this path.
      for await (const piece of pieces(contents)) await attempt(() => writeAll(handle, piece))
      await attempt(() => handle.sync())
    } finally {
      await handle.close()
    }
    await attempt(() => (overwrite ? rename(temporary, path) : linkNew(temporary, path)))
    await attempt(() => syncFolders(folder, firstMade))
  } catch (error) {
    // The folder may be no folder. The error of the work says so.
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  } finally {
    keep()
  }
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

async function refuseTaken(path: string): Promise<void> {
  const taken = await lstat(path).then(
    () => true,
    () => false,
  )
  if (taken) throw new InputError("output-exists", `cannot write "${path}": it exists already. Choose another name.`)
}

/** Gives a finished file its name if the name is free. A link fails where a rename would replace a file. */
async function linkNew(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path)
  } catch (cause) {
    // FAT and some network file systems have no links. There, a check right before the rename is the best that is
    // possible.
    if (!hasCode(cause, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS")) throw cause
    await refuseTaken(path)
    return rename(temporary, path)
  }
  await rm(temporary)
}

const SUFFIX = ".lllite-tmp"

/** Identifies this machine. Several machines may share a folder and use the same process numbers. */
const MACHINE = createHash("sha256").update(hostname()).digest("hex").slice(0, 8)

/** A hidden name with the machine and process that write it. It is cut, since names have a limit of 255 bytes. */
function temporaryName(name: string): string {
  const beginning = [...name].slice(0, 40).join("")
  return `.${beginning}.${MACHINE}-${process.pid}-${randomBytes(6).toString("hex")}${SUFFIX}`
}

/** Removes temporary files of processes of this machine that have ended. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, machine, pid] = /\.([0-9a-f]{8})-(\d+)-[0-9a-f]{12}\.lllite-tmp$/.exec(name) ?? []
    if (!name.startsWith(".") || machine !== MACHINE || isRunning(Number(pid))) continue
    await rm(join(folder, name), { force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    // EPERM means that the process exists and may not be signalled.
    return !hasCode(cause, "ESRCH")
  }
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
  const handle = await open(path, "r")
  try {
    await handle.sync()
  } catch (cause) {
    // Some network file systems cannot sync a folder. They keep the order of renames themselves.
    if (!hasCode(cause, "EINVAL", "ENOTSUP", "EOPNOTSUPP")) throw cause
  } finally {
    await handle.close()
  }
}

function hasCode(cause: unknown, ...codes: readonly string[]): boolean {
  return cause instanceof Error && "code" in cause && codes.includes(String(cause.code))
}
