import type { FileHandle } from "node:fs/promises"
import { openRegular } from "../files/regular-file.ts"
import { readAt } from "./tar-entries.ts"

/** Archives that are kept open. A buffer of shuffled pairs reads few of them at a time. */
const OPEN = 16

/** Reads pieces of many archives. */
export interface ShardFiles {
  /** @throws InputError when the file cannot be read, or ends before the piece */
  read(path: string, offset: number, length: number): Promise<Buffer>
  close(): Promise<void>
}

/** The archives that were read last stay open. */
export function createShardFiles(): ShardFiles {
  /** The one that was read last comes last. */
  const open = new Map<string, Promise<FileHandle>>()
  const busy = new Map<string, number>()
  const handleOf = (path: string): Promise<FileHandle> => {
    const known = open.get(path)
    const handle = known ?? openRegular(path).then(({ handle }) => handle)
    open.delete(path)
    open.set(path, handle)
    return handle
  }
  const closeOld = async (): Promise<void> => {
    for (const [path, handle] of open) {
      if (open.size <= OPEN) return
      if (busy.has(path)) continue
      open.delete(path)
      await (await handle).close()
    }
  }
  return {
    async read(path, offset, length) {
      busy.set(path, (busy.get(path) ?? 0) + 1)
      try {
        return await readAt(await handleOf(path), offset, length)
      } catch (error) {
        // It is opened anew at the next try.
        const failed = open.get(path)
        open.delete(path)
        await failed?.then((handle) => handle.close()).catch(() => {})
        throw error
      } finally {
        const left = (busy.get(path) ?? 1) - 1
        if (left === 0) busy.delete(path)
        else busy.set(path, left)
        await closeOld()
      }
    },
    async close() {
      const all = [...open.values()]
      open.clear()
      for (const handle of all) await handle.then((each) => each.close()).catch(() => {})
    },
  }
}
