import { randomBytes } from "node:crypto"
import type { FileHandle } from "node:fs/promises"
import { open, readdir, rename, rm } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { hasCode } from "../system-code.ts"
import { isRunning, MACHINE } from "../temporary-file.ts"

/** The ending of a part that no process writes. */
const PART = ".part"

/** The unfinished part of a download, which one process writes. */
export interface PartFile {
  readonly path: string
  readonly handle: FileHandle
  /** Closes the file, and leaves it for a later process. */
  release(): Promise<void>
  /** Closes and removes the file. */
  discard(): Promise<void>
  /** Closes the file, after its bytes are on the disk, and gives it its name. */
  finish(): Promise<void>
}

/**
 * Opens the part of the download of `path`. A part that another process has left is taken over. While a process writes a
 * part, others do not touch it, and begin their own.
 *
 * @throws the system's errors
 */
export async function openPart(path: string): Promise<PartFile> {
  const own = join(
    dirname(path),
    `${basename(path)}.${MACHINE}-${process.pid}-${randomBytes(6).toString("hex")}${PART}`,
  )
  await takeOver(path, own)
  // Without truncation, and without "append": bytes after a restart replace the old ones.
  const handle = await open(own, "r+").catch((cause: unknown) => {
    if (!hasCode(cause, "ENOENT")) throw cause
    return open(own, "wx+")
  })
  return {
    path: own,
    handle,
    async release() {
      await handle.close()
      await rename(own, path + PART)
    },
    async discard() {
      await handle.close()
      await rm(own, { force: true })
    },
    async finish() {
      await handle.sync()
      await handle.close()
      await rename(own, path)
    },
  }
}

/** Whether a file in the cache is a part. */
export function isPart(name: string): boolean {
  return name.endsWith(PART)
}

/** Renames a part that no process writes. Of several processes at once, one gets it. */
async function takeOver(path: string, own: string): Promise<void> {
  const name = basename(path)
  for (const each of await readdir(dirname(path))) {
    if (!each.startsWith(name) || !isPart(each)) continue
    const [, machine, pid] = /^\.([0-9a-f]{8})-(\d+)-[0-9a-f]{12}$/.exec(each.slice(name.length, -PART.length)) ?? []
    const isLeft = each === name + PART || (machine === MACHINE && !isRunning(Number(pid)))
    if (!isLeft) continue
    try {
      await rename(join(dirname(path), each), own)
      return
    } catch (cause) {
      if (!hasCode(cause, "ENOENT")) throw cause
    }
  }
}
