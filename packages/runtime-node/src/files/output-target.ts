import type { Stats } from "node:fs"
import { lstat, readlink, realpath, stat } from "node:fs/promises"
import { dirname, resolve, sep } from "node:path"
import { expectPath, fileError, InputError } from "../errors.ts"
import { kindOf } from "./file-kind.ts"
import { hasCode } from "./system-code.ts"

/**
 * What a write does if its name is taken. `replace` replaces a file and keeps its permissions. `refuse` throws.
 * `rename` takes the first free name of `name-2`, `name-3` and so on. What is not a file is never replaced.
 */
export type Existing = "replace" | "refuse" | "rename"

/** Where a file is written. */
export interface OutputTarget {
  /** The given path. If it is a symbolic link whose file is replaced, the path of that file. */
  readonly path: string
  /** The file that is replaced, or null. */
  readonly earlier: Stats | null
}

/**
 * Finds where a file is written.
 *
 * @throws InputError for a path that no file can have, for one that leads to a folder, device, pipe or socket, and with
 * `refuse` for a name that is taken
 */
export async function findTarget(path: string, existing: Existing): Promise<OutputTarget> {
  expectPath("write", path)
  if (path === "" || path.endsWith("/") || path.endsWith(sep)) {
    throw new InputError("not-a-file", `cannot write "${path}": it is the name of a folder, expected that of a file.`)
  }
  try {
    const found = await unlessMissing(lstat(path))
    if (found === null || existing === "rename") return { path, earlier: null }
    const file = found.isSymbolicLink() ? await unlessMissing(stat(path)) : found
    if (file?.isFile() === false) {
      throw new InputError(
        "not-a-file",
        `cannot write "${path}": it is ${kindOf(file)}, expected a file. Choose another name.`,
      )
    }
    // A symbolic link that leads nowhere takes its name, too.
    if (existing === "refuse") throw takenError([path])
    return { path: found.isSymbolicLink() ? await followLinks(path) : path, earlier: file }
  } catch (cause) {
    throw fileError("write", path, cause)
  }
}

/** The error for names that are taken. @param paths at least one */
export function takenError([first = "", ...others]: readonly string[]): InputError {
  const { length } = others
  const text =
    length === 0
      ? `cannot write "${first}": it exists already. Choose another name.`
      : `cannot write "${first}" and ${length} more ${length === 1 ? "file" : "files"}: they exist already. Choose another name or folder.`
  return new InputError("output-exists", text)
}

/** The path behind symbolic links. The last may lead to a path that does not exist yet. @throws the system's errors */
export async function followLinks(path: string): Promise<string> {
  let at = path
  for (;;) {
    const found = await unlessMissing(lstat(at))
    if (found?.isSymbolicLink() !== true) return at
    // It fails for links that lead in a circle.
    await unlessMissing(stat(at))
    at = resolve(await realpath(dirname(at)), await readlink(at))
  }
}

/** The result, or null for a path that does not exist. */
async function unlessMissing<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (cause) {
    if (hasCode(cause, "ENOENT")) return null
    throw cause
  }
}
