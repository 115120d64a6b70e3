import { rm, statfs } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import { checkArgument, checkOptions, type OptionKinds } from "@lllite/core/names"
import { expectPath, fileError, InputError } from "../errors.ts"
import { WRITE_KINDS, type WriteOptions } from "./atomic-write.ts"
import { makeFolder, refuseFile, removeMade } from "./make-folder.ts"
import { findTarget, takenError } from "./output-target.ts"
import { openTemporary } from "./temporary-file.ts"

/** Options of {@link tryOutputs}. */
export interface TryOptions extends WriteOptions {
  /** Bytes that must be free, in each folder. Default: a few thousand */
  readonly bytes?: number
}

const KINDS: OptionKinds<TryOptions> = { ...WRITE_KINDS, bytes: "a number" }

/**
 * Tries whether files can be written with {@link writeAtomically}, before work that takes long. In each folder it writes
 * a small file and removes it again. Nothing stays behind: no file, and no folder that was missing.
 *
 * @throws InputError that names what is wrong: a name that is taken or too long, a folder, device or pipe in the place
 * of the file, a file in the place of the folder, a folder that cannot be written, a full disk
 */
export async function tryOutputs(paths: readonly string[], options: TryOptions = {}): Promise<void> {
  checkArgument("tryOutputs: the paths", paths, "a list")
  checkOptions("tryOutputs", options, KINDS)
  const { existing = "replace", bytes = 0 } = options
  const folders = new Set<string>()
  const taken: string[] = []
  for (const path of paths) {
    expectPath("write", path)
    await refuseFile("write into", dirname(path))
    try {
      folders.add(dirname((await findTarget(path, existing)).path))
    } catch (error) {
      if (!(error instanceof InputError) || error.code !== "output-exists") throw error
      taken.push(path)
    }
  }
  if (taken.length > 0) throw takenError(taken)
  for (const folder of folders) await tryFolder(folder, bytes)
}

/** Bytes of a trial: a full disk may still take an empty file. */
const TRIAL = new Uint8Array(4096)

async function tryFolder(folder: string, bytes: number): Promise<void> {
  try {
    const firstMade = await makeFolder(folder)
    try {
      const { path, handle, keep } = await openTemporary(resolve(folder, "trial"), null)
      try {
        await handle.writeFile(TRIAL)
        await handle.sync()
      } finally {
        await handle.close()
        await rm(path, { force: true })
        keep()
      }
      await expectRoom(folder, bytes)
    } finally {
      if (firstMade !== undefined) await removeMade(folder, firstMade)
    }
  } catch (cause) {
    throw fileError("write into", folder, cause)
  }
}

/** @throws InputError `no-space` when a folder has room for fewer bytes; the system's errors */
export async function expectRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize, blocks } = await statfs(folder)
  const free = bavail * bsize
  // Some virtual file systems do not know their size.
  if (blocks === 0 || free >= bytes) return
  const mebibytes = (count: number): string => `${(count / 2 ** 20).toFixed(1)} MiB`
  throw new InputError(
    "no-space",
    `cannot write into "${folder}": the work needs ${mebibytes(bytes)} there, and ${mebibytes(free)} are free. Make room or choose another place.`,
  )
}
