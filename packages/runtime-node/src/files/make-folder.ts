import { mkdir, stat } from "node:fs/promises"
import { dirname } from "node:path"
import { hasCode } from "./system-code.ts"

/**
 * Makes a folder and the folders above it that are missing. Node's own `mkdir` with `recursive` never ends where a file
 * system takes no folder, such as `/proc`.
 *
 * @returns the first folder that was made, or undefined if all were there
 * @throws the system's error
 */
export async function makeFolder(folder: string): Promise<string | undefined> {
  try {
    await mkdir(folder)
    return folder
  } catch (cause) {
    if (hasCode(cause, "ENOENT") && dirname(folder) !== folder) {
      const firstMade = await makeFolder(dirname(folder))
      return (await makeOne(folder)) ? (firstMade ?? folder) : firstMade
    }
    if (await isFolder(folder)) return undefined
    throw cause
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

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null)
  return found?.isDirectory() === true
}
