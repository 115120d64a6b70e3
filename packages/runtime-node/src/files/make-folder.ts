import { mkdir, rmdir, stat } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import { hasCode } from "./system-code.ts"

/**
 * Makes a folder and the folders above it that are missing. Node's own `mkdir` with `recursive` never ends where a file
 * system takes no folder, such as `/proc`.
 *
 * @returns the first folder that was made, or undefined if all were there
 * @throws the system's error. No folder is then left
 */
export async function makeFolder(folder: string): Promise<string | undefined> {
  try {
    await mkdir(folder)
    return folder
  } catch (cause) {
    if (hasCode(cause, "ENOENT") && dirname(folder) !== folder) {
      const firstMade = await makeFolder(dirname(folder))
      try {
        return (await makeOne(folder)) ? (firstMade ?? folder) : firstMade
      } catch (cause) {
        if (firstMade !== undefined) await removeMade(dirname(folder), firstMade)
        throw hasCode(cause, "ENOENT") ? new NoFoldersError(dirname(folder), cause) : cause
      }
    }
    if (await isFolder(folder)) return undefined
    throw cause
  }
}

/** The folder above is there, and takes no folder in it, such as `/proc`. */
class NoFoldersError extends Error {
  override readonly name = "NoFoldersError"
  readonly code = "ENOTSUP"
  constructor(above: string, cause: unknown) {
    super(`"${above}" takes no new folder`, { cause })
  }
}

/** Makes a folder in a folder that is there. @returns whether it was missing */
async function makeOne(folder: string): Promise<boolean> {
  try {
    await mkdir(folder)
    return true
  } catch (cause) {
    // Another program may have made it.
    if (await isFolder(folder)) return false
    throw cause
  }
}

/** Removes empty folders, from `folder` up to the first that was made. */
export async function removeMade(folder: string, firstMade: string): Promise<void> {
  const last = resolve(firstMade)
  for (let path = resolve(folder); ; path = dirname(path)) {
    try {
      await rmdir(path)
    } catch {
      // Another program uses the folder by now.
      return
    }
    if (path === last || path === dirname(path)) return
  }
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null)
  return found?.isDirectory() === true
}
