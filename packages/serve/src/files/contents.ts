import { createHash, randomUUID } from "node:crypto"
import { createReadStream } from "node:fs"
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises"
import { basename, join } from "node:path"
import { ServeError } from "../errors.ts"

/** A file by the hash of its bytes. */
export interface Content {
  readonly sha256: string
  readonly size: number
}

/** Files by the SHA-256 of their bytes: uploads and results. Equal files are kept once. */
export interface Contents {
  /** The bytes of all files. */
  readonly size: number
  /**
   * Keeps bytes. When it resolves, they are on the disk.
   *
   * @throws ServeError `storage` when there is no room; the errors of `bytes`
   */
  add(bytes: AsyncIterable<Uint8Array>): Promise<Content>
  addFile(path: string): Promise<Content>
  /** The path of a file. Null: there is none, or the text is not a hash. */
  find(sha256: string): Promise<string | null>
  remove(sha256: string): Promise<void>
  /** The hashes of files that were added before a time, in milliseconds since 1970. Adding a file again counts. */
  addedBefore(time: number): AsyncGenerator<string, void, void>
}

/** Opens the files of a folder, which is made if it is missing. Unfinished ones of an earlier run are removed. */
export async function openContents(root: string, mostBytes: number): Promise<Contents> {
  const [folder, unfinished] = [join(root, "contents"), join(root, "contents", "unfinished")]
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { recursive: true })
  let size = await sizeOf(folder)
  const pathOf = (sha256: string): string => join(folder, sha256.slice(0, 2), sha256)
  const find = async (sha256: string): Promise<string | null> => {
    if (!/^[0-9a-f]{64}$/.test(sha256)) return null
    const path = pathOf(sha256)
    return (await isFile(path)) ? path : null
  }
  const add: Contents["add"] = async (bytes) => {
    const temporary = join(unfinished, randomUUID())
    const hash = createHash("sha256")
    let written = 0
    try {
      const handle = await open(temporary, "wx")
      try {
        for await (const piece of bytes) {
          written += piece.byteLength
          if (size + written > mostBytes) {
            throw new ServeError(
              "storage",
              `the files of the server take ${size} bytes of ${mostBytes}. Delete jobs, or raise --max_storage_gb.`,
            )
          }
          hash.update(piece)
          await handle.writeFile(piece)
        }
        await handle.sync()
      } finally {
        await handle.close()
      }
      const sha256 = hash.digest("hex")
      if ((await find(sha256)) === null) {
        await mkdir(join(folder, sha256.slice(0, 2)), { recursive: true })
        await rename(temporary, pathOf(sha256))
        await syncFolder(join(folder, sha256.slice(0, 2)))
        size += written
      } else {
        const now = new Date()
        await utimes(pathOf(sha256), now, now)
      }
      return { sha256, size: written }
    } finally {
      await rm(temporary, { force: true })
    }
  }
  return {
    get size() {
      return size
    },
    add,
    addFile: (path) => add(createReadStream(path)),
    find,
    async remove(sha256) {
      const path = await find(sha256)
      if (path === null) return
      const { size: freed } = await stat(path)
      await rm(path, { force: true })
      size -= freed
    },
    async *addedBefore(time) {
      for (const path of await readdir(folder, { recursive: true })) {
        const sha256 = basename(path)
        const found = await stat(pathOf(sha256)).catch(() => null)
        if (found?.isFile() === true && found.mtimeMs < time) yield sha256
      }
    },
  }
}

/** The SHA-256 of a file. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256")
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array)
  return hash.digest("hex")
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}

async function sizeOf(folder: string): Promise<number> {
  let size = 0
  for (const name of await readdir(folder, { recursive: true })) {
    const found = await stat(join(folder, name))
    if (found.isFile()) size += found.size
  }
  return size
}

/** Flushes a rename to the disk. Windows cannot open a folder and does not need this. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return
  const handle = await open(path, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
