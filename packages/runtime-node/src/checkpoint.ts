import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import type { LoadSdxlOptions, Ops, Sdxl, WeightEntry, WeightFile } from "@lllite/core"
import { createTokenizer, loadSdxl } from "@lllite/core"
import type { ByteSource } from "@lllite/format"
import { FormatError, openSafetensors } from "@lllite/format"
import { identify } from "@lllite/format/identify"
import { openPath } from "./files/path-source.ts"

/** The name by which the embedded model is asked for. */
export const TINY = "tiny"

const require = createRequire(import.meta.url)

/** Where a checkpoint is: `tiny` is the embedded one, anything else a path. */
export function checkpointPath(checkpoint: string): string {
  return checkpoint === TINY ? require.resolve("@lllite/tiny/tiny-sdxl.safetensors") : checkpoint
}

/**
 * Loads an SDXL checkpoint, `tiny` or a safetensors file in the Stability layout.
 *
 * @throws FormatError for files that are broken or of another kind, CoreError for an SDXL that is not whole
 */
export async function loadCheckpoint(ops: Ops, checkpoint: string, options: LoadSdxlOptions = {}): Promise<Sdxl> {
  const source = await openPath(checkpointPath(checkpoint))
  try {
    const merges = await readFile(require.resolve("@lllite/core/clip-merges.txt"), "utf8")
    return await loadSdxl(ops, await openCheckpoint(source), createTokenizer(merges), options)
  } finally {
    await source.close()
  }
}

/** The named tensors of a checkpoint. @throws FormatError if the file is broken or no SDXL checkpoint */
export async function openCheckpoint(source: ByteSource): Promise<WeightFile> {
  const file = await openSafetensors(source)
  const { kind, detail } = identify(file)
  if (kind !== "sdxl-checkpoint") {
    throw new FormatError(
      "wrong-kind",
      `expected an SDXL checkpoint, this is ${detail}. Give the base model's safetensors file, or "${TINY}" for the embedded one.`,
      { source: file.label },
    )
  }
  const entries = new Map(
    [...file.tensors].map(([name, { dtype, shape }]): [string, WeightEntry] => [
      name,
      { name, dtype, shape, read: () => file.read(name) },
    ]),
  )
  return { label: file.label, entries }
}
