import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import type { LlliteModel } from "@lllite/core/models"
import { type TrainState, trainedModel } from "@lllite/core/training"
import { FormatError } from "@lllite/format"
import type { LlliteSpec } from "@lllite/format/modelspec"
import { InputError, type WriteLlliteOptions, writeLlliteFile } from "@lllite/runtime-node"
import { UsageError } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"

/** How a trained LLLite is saved. */
export type SavedFile = Pick<WriteLlliteOptions, "dtype" | "metadata"> & { readonly force: boolean }

/**
 * Saves a trained LLLite and reports its path. The work of hours is not lost for a file: values that the dtype cannot
 * hold are saved as F32. If the path cannot be written, the LLLite is saved in a temporary folder.
 *
 * @param path without `force`, a file there stays, and the LLLite gets the next free name
 * @returns the path of the file
 * @throws InputError when the path cannot be written; it names the temporary folder
 */
export async function saveLllite(
  path: string,
  state: Omit<TrainState, "optimizer">,
  { force, ...options }: SavedFile,
  reporter: Reporter,
): Promise<string> {
  const { step } = state
  const model = trainedModel(state)
  const write = async (): Promise<string> => {
    const existing = force ? "replace" : "rename"
    try {
      return await writeLlliteFile(path, model, { ...options, existing })
    } catch (error) {
      if (!(error instanceof FormatError) || error.code !== "value-range" || options.dtype === "F32") throw error
      const text = `values of the LLLite are too large for ${options.dtype}. It is saved as F32.`
      reporter.say("notice", { text }, `Note: ${text}`)
      return writeLlliteFile(path, model, { ...options, dtype: "F32", existing })
    }
  }
  const saved = await write().catch(async (error: unknown) => {
    if (!(error instanceof InputError)) throw error
    throw await saveElsewhere(error, basename(path), model, options)
  })
  if (saved !== path) {
    const text = `"${path}" appeared during the run and is kept.`
    reporter.say("notice", { text }, `Note: ${text}`)
  }
  reporter.say("file", { path: saved, step }, `Saved ${saved}`)
  return saved
}

/** Saves an LLLite in a temporary folder. @returns the error, which names the folder if that worked */
async function saveElsewhere(
  error: InputError,
  name: string,
  model: LlliteModel,
  options: Pick<WriteLlliteOptions, "metadata">,
): Promise<InputError> {
  const folder = await mkdtemp(join(tmpdir(), "lllite-saved-")).catch(() => null)
  if (folder === null) return error
  try {
    const saved = await writeLlliteFile(join(folder, name), model, { ...options, dtype: "F32" })
    return new InputError(error.code, `${error.message} The LLLite is saved as "${saved}" instead.`, { cause: error })
  } catch {
    await rm(folder, { recursive: true, force: true })
    return error
  }
}

/**
 * The date for a file: SOURCE_DATE_EPOCH, or none. The clock is never read, so the same training gives the same bytes.
 * See https://reproducible-builds.org/docs/source-date-epoch/.
 *
 * @throws UsageError when SOURCE_DATE_EPOCH is not a number of seconds
 */
export function fileDate(environment: NodeJS.ProcessEnv = process.env): Pick<LlliteSpec, "date"> {
  const epoch = environment.SOURCE_DATE_EPOCH
  if (epoch === undefined || epoch === "") return {}
  const seconds = Number(epoch)
  // The latest moment that a Date can hold.
  if (!Number.isSafeInteger(seconds) || seconds < 0 || seconds > 8.64e12) {
    throw new UsageError("environment", `SOURCE_DATE_EPOCH is "${epoch}", expected whole seconds since 1970`)
  }
  return { date: new Date(1000 * seconds).toISOString().slice(0, 19) }
}

/** The name of a file saved during the run, as in sd-scripts: `name-step00000100`. */
export function stepFileName(name: string, step: number): string {
  return `${name}-step${String(step).padStart(8, "0")}.safetensors`
}

/** `name-000002`, after a whole number of epochs. */
export function epochFileName(name: string, epoch: number): string {
  return `${name}-${String(epoch).padStart(6, "0")}.safetensors`
}
