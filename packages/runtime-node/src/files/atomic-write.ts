import { createHash, randomBytes } from "node:crypto"
import type { FileHandle } from "node:fs/promises"
import { link, lstat, mkdir, open, readdir, rename, rm } from "node:fs/promises"
import { hostname } from "node:os"
import { basename, dirname, join, resolve } from "node:path"
import { fileError, InputError } from "../errors.ts"

/** What a file is written from: text, bytes, or bytes in pieces. */
export type Contents = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** Options of {@link writeAtomically}. */
export interface WriteOptions {
  /** Whether a file at the place may be replaced. True unless said. */
  readonly overwrite?: boolean
}

/**
 * Writes a file so that it is there whole or not at all: under a temporary name beside it, flushed to the disk, then
 * renamed over `path`. Missing folders are made. What stood at `path` before stays until the last moment.
 *
 * A program that is killed leaves its temporary file behind; the next write into the same folder removes it.
 *
 * @throws InputError when the place cannot be written, or is taken and `overwrite` is false; and whatever `contents`
 * throws. No temporary file stays behind.
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
  // Asked before the work and again at its end: contents may take hours to make.
  if (!overwrite) await refuseTaken(path)
  const { handle, firstMade } = await attempt(async () => {
    const firstMade = await mkdir(folder, { recursive: true })
    await removeAbandoned(folder)
    return { handle: await open(temporary, "wx"), firstMade }
  })
  try {
    try {
      // The source of the pieces throws its own errors; only the disk's are about this path.
      for await (const piece of pieces(contents)) await attempt(() => writeAll(handle, piece))
      await attempt(() => handle.sync())
    } finally {
      await handle.close()
    }
    await attempt(() => (overwrite ? rename(temporary, path) : linkNew(temporary, path)))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await attempt(() => syncFolders(folder, firstMade))
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
  if (taken) throw new InputError(`cannot write "${path}": it exists already. Choose another name.`)
}

/** Gives a finished file its name unless the name is taken: a link is refused where a rename would replace. */
async function linkNew(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path)
  } catch (cause) {
    // FAT and some network file systems have no links; between this look and the rename is as good as it gets there.
    if (!hasCode(cause, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS")) throw cause
    await refuseTaken(path)
    return rename(temporary, path)
  }
  await rm(temporary)
}

const SUFFIX = ".lllite-tmp"

/** Processes are numbered anew on every machine, and a folder may be shared by several. */
const MACHINE = createHash("sha256").update(hostname()).digest("hex").slice(0, 8)

/** A hidden name that says which process of which machine writes it. Cut, since names have a limit of 255 bytes. */
function temporaryName(name: string): string {
  const beginning = [...name].slice(0, 40).join("")
  return `.${beginning}.${MACHINE}-${process.pid}-${randomBytes(6).toString("hex")}${SUFFIX}`
}

/** Removes temporary files whose process on this machine is gone. */
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
    // Without the right to signal it there is a process all the same.
    return !hasCode(cause, "ESRCH")
  }
}

/** Makes a rename last, and the folders made for it. Windows cannot open a folder, and does not need it. */
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
    // Some network file systems cannot sync a folder; they keep the order of renames themselves.
    if (!hasCode(cause, "EINVAL", "ENOTSUP", "EOPNOTSUPP")) throw cause
  } finally {
    await handle.close()
  }
}

function hasCode(cause: unknown, ...codes: readonly string[]): boolean {
  return cause instanceof Error && "code" in cause && codes.includes(String(cause.code))
}
