import { stat } from "node:fs/promises"
import { join } from "node:path"
import { checkArgument } from "@lllite/core/names"
import type { SavedRun } from "@lllite/core/training"
import { readSavedRun, savedRunChunks } from "@lllite/core/training"
import type { UnetLayout } from "@lllite/format"
import { type ByteSource, FormatError, openSafetensors } from "@lllite/format"
import { InputError } from "../errors.ts"
import { writeAtomically } from "./atomic-write.ts"
import { withPath } from "./path-source.ts"
import { hasCode } from "./system-code.ts"

/** The file of a run in its folder. */
const FILE_NAME = "lllite-state.safetensors"

/** The path of a run's file in its folder. */
export function trainStatePath(folder: string): string {
  checkArgument("state: the folder", folder, "text")
  return join(folder, FILE_NAME)
}

/**
 * Writes a run into a folder, in one file that is there whole or not at all. A missing folder appears with the file in
 * it. A state in the folder is replaced.
 *
 * @returns the path of the file
 * @throws InputError when it cannot be written
 */
export async function writeTrainState(folder: string, run: SavedRun): Promise<string> {
  checkArgument("writeTrainState: the run", run, "an object")
  return writeAtomically(trainStatePath(folder), savedRunChunks(run), { withFolder: true })
}

/**
 * Reads a run that `writeTrainState` wrote.
 *
 * @param path the folder, or the file in it
 * @param layout of the U-Net that the LLLite must fit
 * @throws InputError for a folder without such a file, and for a broken file; FormatError for another U-Net; CoreError
 * when it is not a run
 */
export async function readTrainState(path: string, layout: UnetLayout): Promise<SavedRun> {
  return withPath(await stateFile(path), async (source) => readSavedRun(await openState(source, path), layout))
}

/**
 * Checks the header of a file that `writeTrainState` wrote.
 *
 * @throws as `readTrainState`, but for what is wrong with the values and for another U-Net
 */
export async function checkTrainState(path: string): Promise<void> {
  await trainStateStep(path)
}

/**
 * The number of steps after which a run was saved, from the header of its file.
 *
 * @throws as `checkTrainState`
 */
export async function trainStateStep(path: string): Promise<number> {
  return withPath(await stateFile(path), async (source) => Number((await openState(source, path)).metadata.get("step")))
}

async function openState(source: ByteSource, path: string): ReturnType<typeof openSafetensors> {
  const file = await openSafetensors(source).catch((cause: unknown) => {
    if (!(cause instanceof FormatError)) throw cause
    const text = `"${path}" is a broken file, or not the state of a training. ${EXPECTED} A broken state cannot be mended. Continue from another one, or begin anew.`
    throw new InputError("state-file", text, { cause })
  })
  if (file.metadata.has("trains")) return file
  throw new InputError("state-file", `"${path}" is not the state of a training. ${EXPECTED}`)
}

const EXPECTED = "Expected a folder whose name ends in -state, which the option save_state has written."

/** The file of a run. @throws InputError when the folder has none */
async function stateFile(path: string): Promise<string> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isFolder) return path
  const file = trainStatePath(path)
  const isThere = await stat(file).then(
    () => true,
    (error: unknown) => !hasCode(error, "ENOENT"),
  )
  if (isThere) return file
  const isOfPython = await stat(join(path, "random_states_0.pkl")).then(
    () => true,
    () => false,
  )
  const found = isOfPython ? "is a state of sd-scripts, which holds pickles of PyTorch" : `has no ${FILE_NAME}`
  throw new InputError("state-file", `"${path}" ${found}. ${EXPECTED}`)
}
