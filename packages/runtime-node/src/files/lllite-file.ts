import type { LlliteModel } from "@lllite/core/models"
import { fileTensor, readLlliteModel } from "@lllite/core/models"
import { checkArgument } from "@lllite/core/names"
import type { FloatDtype, UnetLayout } from "@lllite/format"
import { llliteOf, openSafetensors } from "@lllite/format"
import { expectLllite } from "@lllite/format/identify"
import { llliteChunks } from "@lllite/format/write"
import type { WriteOptions } from "./atomic-write.ts"
import { writeAtomically } from "./atomic-write.ts"
import { withPath } from "./path-source.ts"

/**
 * Reads an LLLite for a U-Net.
 *
 * @param layout of the U-Net that the LLLite must fit
 * @throws InputError when the file cannot be read; FormatError when it is not an LLLite, is broken, or is for another
 * U-Net
 */
export async function readLlliteFile(path: string, layout: UnetLayout): Promise<LlliteModel> {
  checkArgument("readLlliteFile: the layout", layout, "an object")
  return withPath(path, async (source) => {
    const file = await openSafetensors(source)
    expectLllite(file)
    return readLlliteModel(llliteOf(file, { layout }))
  })
}

export interface WriteLlliteOptions extends WriteOptions {
  readonly dtype: FloatDtype
  /** See format's `buildLlliteMetadata`. */
  readonly metadata?: ReadonlyMap<string, string>
}

/**
 * Writes an LLLite that every reader of the format loads. The file is there whole or not at all. See
 * `writeAtomically`.
 *
 * @returns the path of the file, which differs from `path` if `existing` is `rename` and the name was taken
 * @throws InputError when the path cannot be written; FormatError when a value is too large for the dtype
 */
export async function writeLlliteFile(path: string, model: LlliteModel, options: WriteLlliteOptions): Promise<string> {
  checkArgument("writeLlliteFile: the LLLite", model, "an object")
  checkArgument("writeLlliteFile: the adapters of the LLLite", model.adapters, "a list")
  checkArgument("writeLlliteFile: the options", options, "an object")
  const { existing, ...file } = options
  const sites = model.adapters.map(({ site, ...dims }) => ({ ...site, ...dims }))
  const chunks = llliteChunks({ ...file, sites, values: (site, name) => fileTensor(model, site, name) })
  return writeAtomically(path, chunks, existing === undefined ? {} : { existing })
}
