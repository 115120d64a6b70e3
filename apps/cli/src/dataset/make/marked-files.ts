import { stat } from "node:fs/promises"
import type { PngText } from "@lllite/core/image"
import { InputError, readPngText } from "@lllite/runtime-node"

/** The keyword of a mark in a PNG: what the picture was made of, and with which settings. */
const KEYWORD = "lllite-dataset"

/** Text of a PNG with a mark. */
export function marked(mark: string, text: PngText = new Map()): PngText {
  return new Map([...text, [KEYWORD, mark]])
}

/** Whether a file is there, and has the mark. */
export type FileState = "missing" | "finished" | "other"

/**
 * The state of a PNG. A file without the mark was made by something else, or with other settings.
 *
 * @throws InputError when it may not be read
 */
export async function stateOf(path: string, mark: string): Promise<FileState> {
  if (!(await exists(path))) return "missing"
  try {
    return (await readPngText(path)).get(KEYWORD) === mark ? "finished" : "other"
  } catch (error) {
    if (error instanceof InputError && ["not-a-picture", "picture-broken", "not-a-file"].includes(error.code))
      return "other"
    throw error
  }
}

/** Whether there is something of this name. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** The error for files that would be replaced. @param paths at least one */
export function otherFiles([first = "", ...others]: readonly string[]): InputError {
  const more = others.length === 0 ? "" : ` So do ${others.length} more files.`
  return new InputError(
    "output-exists",
    `"${first}" exists, and was not made by this command of the same picture with these settings.${more} Choose another folder.`,
  )
}
