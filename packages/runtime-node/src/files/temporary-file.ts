import { createHash, randomBytes } from "node:crypto"
import type { Stats } from "node:fs"
import type { FileHandle } from "node:fs/promises"
import { open, readdir, rename, rm } from "node:fs/promises"
import { hostname } from "node:os"
import { basename, dirname, join, resolve } from "node:path"
import { makeFolder } from "./make-folder.ts"
import { removeOnExit } from "./remove-on-exit.ts"
import { hasCode } from "./system-code.ts"

/** An open file beside the one that is to be written. */
export interface TemporaryFile {
  readonly path: string
  readonly handle: FileHandle
  /** The first folder that was made for it. Undefined if all folders were there. */
  readonly firstMade: string | undefined
  /** The hidden folder that holds it alone. Undefined: it lies in the folder of the file. */
  readonly folder?: string
  /** Gives the file and its hidden folder their names. */
  show?(): Promise<void>
  /** Ends the watch that removes the file when the process exits. Call it when the file has its name or is removed. */
  keep(): void
}

/**
 * Opens a temporary file beside `path`, and makes missing folders. Files of programs that were killed are removed first.
 *
 * @param earlier the file that will be replaced. The temporary file gets its permissions, and its owner where the system
 * allows it. Null without one
 * @throws the system's errors
 */
export async function openTemporary(path: string, earlier: Stats | null): Promise<TemporaryFile> {
  const folder = dirname(path)
  const temporary = join(folder, temporaryName(basename(path)))
  const keep = removeOnExit(temporary)
  let firstMade: string | undefined
  try {
    for (let attempt = 1; ; attempt++) {
      firstMade = (await makeFolder(folder)) ?? firstMade
      await removeAbandoned(folder)
      const handle = await openNew(temporary, earlier).catch((cause: unknown) => {
        // Another program may have removed the folder again, for example after it tried it.
        if (attempt < FOLDER_ATTEMPTS && hasCode(cause, "ENOENT")) return null
        throw cause
      })
      if (handle !== null) return { path: temporary, handle, firstMade, keep }
    }
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {})
    keep()
    throw cause
  }
}

/**
 * As {@link openTemporary}, for a file whose folder is missing. The file lies in a hidden folder, which gets the folder's
 * name with the file in it.
 *
 * @throws the system's errors
 */
export async function openInHiddenFolder(path: string): Promise<TemporaryFile> {
  const folder = dirname(resolve(path))
  const hidden = join(dirname(folder), temporaryName(basename(folder)))
  await removeAbandoned(dirname(folder))
  const keepFolder = removeOnExit(hidden)
  try {
    const file = await openTemporary(join(hidden, basename(path)), null)
    return {
      ...file,
      folder: hidden,
      async show() {
        await rename(file.path, join(hidden, basename(path)))
        await rename(hidden, folder)
      },
      keep() {
        file.keep()
        keepFolder()
      },
    }
  } catch (cause) {
    await rm(hidden, { recursive: true, force: true }).catch(() => {})
    keepFolder()
    throw cause
  }
}

/** Opens a new file. Until it has the permissions of the earlier one, other users may not read it. */
async function openNew(path: string, earlier: Stats | null): Promise<FileHandle> {
  const handle = await open(path, "wx", earlier === null ? 0o666 : 0o600)
  try {
    if (earlier !== null) await adoptPermissions(handle, earlier)
    return handle
  } catch (cause) {
    await handle.close().catch(() => {})
    throw cause
  }
}

const FOLDER_ATTEMPTS = 3

/** Gives a file the permissions and the owner of an earlier one, as far as the system allows it. */
async function adoptPermissions(handle: FileHandle, earlier: Stats): Promise<void> {
  // Windows keeps permissions in lists, which a new file gets from its folder.
  if (process.platform === "win32") return
  const { uid, gid } = await handle.stat()
  let mode = earlier.mode & 0o777
  if (uid !== earlier.uid || gid !== earlier.gid) {
    const isGiven = await isAllowed(handle.chown(earlier.uid, earlier.gid))
    const keepsGroup = isGiven || (await isAllowed(handle.chown(uid, earlier.gid)))
    // The permissions of the old group must not pass to another group. Its members get those of all others.
    if (!keepsGroup && gid !== earlier.gid) mode = (mode & 0o707) | ((mode & 0o007) << 3)
  }
  await isAllowed(handle.chmod(mode))
}

/** Whether the system allowed a change. File systems without permissions allow none. */
async function isAllowed(change: Promise<void>): Promise<boolean> {
  try {
    await change
    return true
  } catch (cause) {
    if (hasCode(cause, "EPERM", "EACCES", "EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS")) return false
    throw cause
  }
}

const SUFFIX = ".lllite-tmp"

/** Identifies this machine. Several machines may share a folder and use the same process numbers. */
export const MACHINE = createHash("sha256").update(hostname()).digest("hex").slice(0, 8)

/** A hidden name with the machine and process that write it. It is cut, since some file systems allow 143 bytes. */
function temporaryName(name: string): string {
  const beginning = [...name].slice(0, 20).join("")
  return `.${beginning}.${MACHINE}-${process.pid}-${randomBytes(6).toString("hex")}${SUFFIX}`
}

/** Removes temporary files and hidden folders of processes of this machine that have ended. */
async function removeAbandoned(folder: string): Promise<void> {
  // A folder may allow writing and no listing.
  for (const name of await readdir(folder).catch(() => [])) {
    const [, machine, pid] = /\.([0-9a-f]{8})-(\d+)-[0-9a-f]{12}\.lllite-tmp$/.exec(name) ?? []
    if (!name.startsWith(".") || machine !== MACHINE || isRunning(Number(pid))) continue
    await rm(join(folder, name), { recursive: true, force: true })
  }
}

/** Whether a process of this machine runs. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    // EPERM means that the process exists and may not be signalled.
    return !hasCode(cause, "ESRCH")
  }
}
