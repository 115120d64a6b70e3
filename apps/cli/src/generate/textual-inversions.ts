import { readdir, stat } from "node:fs/promises"
import { basename, extname, join } from "node:path"
import { readTextualInversion, type TextualInversion } from "@lllite/core/models"
import type { TextualInversionReference } from "@lllite/core/recipe"
import { InputError, type NodeRuntime, openAddition } from "@lllite/runtime-node"

/**
 * The textual inversions of files, and of all safetensors files of folders. The word of each is the name of its file,
 * without the ending.
 *
 * @throws InputError for a path that cannot be read, or a folder without a textual inversion; FormatError for a file of
 * another kind, such as a pickle; CoreError for one that is not for SDXL
 */
export async function findTextualInversions(paths: readonly string[]): Promise<readonly TextualInversionReference[]> {
  const files = (await Promise.all(paths.map(filesOf))).flat()
  const references = files.map((path) => ({ name: basename(path, extname(path)), file: { path } }))
  for (const { name, file } of references) {
    const opened = await openAddition(file.path, "textual-inversion")
    try {
      await readTextualInversion(opened.file, name)
    } finally {
      await opened.close()
    }
  }
  return references
}

async function filesOf(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch(() => null)
  // What is not there is refused when it is opened.
  if (found === null || !found.isDirectory()) return [path]
  const names = (await readdir(path)).filter((name) => extname(name) === ".safetensors").sort()
  if (names.length > 0) return names.map((name) => join(path, name))
  throw new InputError("network-file", `"${path}" has no safetensors file, expected textual inversions in it.`)
}

/** Reads the textual inversions of a recipe. */
export async function loadTextualInversions(
  runtime: NodeRuntime,
  references: readonly TextualInversionReference[],
): Promise<readonly TextualInversion[]> {
  return Promise.all(references.map(({ name, file }) => runtime.readTextualInversion(file.path, { name })))
}
