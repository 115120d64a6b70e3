import { mkdir, rmdir, stat } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import { expectPath, fileError, InputError } from "../errors.ts"
import { kindOf } from "./file-kind.ts"
import { hasCode } from "./system-code.ts"

/**
 * Makes a folder and the folders above it that are missing. Node's own `mkdir` with `recursive` never ends where a file
 * system takes no folder, such as `/proc`.
 *
 * @returns the first folder that was made, or undefined if all were there
 * @throws the system's error. No folder is then left
 */
export async function makeFolder(folder: string): Promise<string | undefined> {
  expectPath("make", folder)
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

/**
 * Makes a folder that a user names, with the folders above it that are missing. One that is there is taken.
 *
 * @throws InputError that names what is wrong: a file in its place, or a place that takes no folder
 */
export async function openFolder(folder: string): Promise<void> {
  await refuseFile("write into", folder)
  await makeFolder(folder).catch((cause: unknown) => {
    throw fileError("write into", folder, cause)
  })
}

/**
 * Expects a folder that a user names to be there.
 *
 * @throws InputError when there is none, or a file in its place
 */
export async function expectFolder(folder: string): Promise<void> {
  await refuseFile("read", folder)
  await stat(folder).catch((cause: unknown) => {
    throw fileError("read", folder, cause)
  })
}

/** Refuses a file in the place of a folder. Other problems of a folder are found when it is used. */
export async function refuseFile(verb: string, folder: string): Promise<void> {
  expectPath(verb, folder)
  const found = await stat(folder).catch(() => null)
  if (found === null || found.isDirectory()) return
  throw new InputError(
    "not-a-folder",
    `cannot ${verb} "${folder}": it is ${kindOf(found)}, expected a folder. Choose another folder.`,
  )
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
