import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { writeAtomically } from "@lllite/runtime-node/files"
import { ServeError } from "../errors.ts"

/** A file that ComfyUI's page keeps, such as a workflow. */
export interface UserFile {
  /** Its path, with `/` between the parts. */
  readonly path: string
  readonly size: number
  /** Milliseconds since 1970. */
  readonly modified: number
}

/** The files of ComfyUI's page by their paths. On disk, each is a file with an encoded name in one folder. */
export interface UserFiles {
  /** The files below a folder, by path. */
  list(folder: string): Promise<readonly UserFile[]>
  /** Null: there is none. */
  read(path: string): Promise<Buffer | null>
  /** @throws ServeError `body` for a path that cannot be, `storage` for too many files */
  write(path: string, bytes: Uint8Array): Promise<UserFile>
  /** Whether there was one. */
  remove(path: string): Promise<boolean>
}

/** The longest path in bytes: its encoded form is the name of a file. */
const LONGEST = 180

/** The most files. */
const MOST_FILES = 2000

/** Opens the files of a folder, which is made with the first of them. */
export function openUserFiles(root: string): UserFiles {
  const folder = join(root, "comfyui")
  const placeOf = (path: string): string => join(folder, Buffer.from(path).toString("base64url"))
  const about = async (path: string): Promise<UserFile | null> => {
    const found = await stat(placeOf(path)).catch(() => null)
    return found === null ? null : { path, size: found.size, modified: Math.round(found.mtimeMs) }
  }
  const all = async (): Promise<readonly string[]> => {
    const names = await readdir(folder).catch(() => [])
    return names.map((name) => Buffer.from(name, "base64url").toString("utf8")).sort()
  }
  return {
    async list(below) {
      const prefix = below === "" || below.endsWith("/") ? below : `${below}/`
      const found = await Promise.all((await all()).filter((path) => path.startsWith(prefix)).map(about))
      return found.filter((file) => file !== null)
    },
    async read(path) {
      return isPath(path) ? readFile(placeOf(path)).catch(() => null) : null
    },
    async write(path, bytes) {
      if (!isPath(path)) {
        throw new ServeError(
          "body",
          `the path ${JSON.stringify(path.slice(0, 200))} cannot be kept. Expected a path of at most ${LONGEST} bytes, without "..".`,
        )
      }
      await mkdir(folder, { recursive: true })
      const known = await all()
      if (known.length >= MOST_FILES && !known.includes(path)) {
        throw new ServeError("storage", `there are ${MOST_FILES} files of the page already. Delete some.`)
      }
      await writeAtomically(placeOf(path), bytes)
      return (await about(path)) ?? { path, size: bytes.byteLength, modified: Date.now() }
    },
    async remove(path) {
      const isThere = isPath(path) && (await about(path)) !== null
      if (isThere) await rm(placeOf(path), { force: true })
      return isThere
    },
  }
}

/** Whether a text is a path below a folder. Files are not found by it, so this is for those who read the list. */
function isPath(path: string): boolean {
  const parts = path.split("/")
  const isPlain = parts.every((part) => part !== "" && part !== "." && part !== "..")
  return isPlain && Buffer.byteLength(path) <= LONGEST && !/[\\\0]/.test(path)
}
