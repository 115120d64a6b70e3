import { readFile } from "node:fs/promises"
import type { LoadSdxlOptions, Sdxl, Tokenizer } from "@lllite/core/models"
import { createTokenizer, loadSdxl } from "@lllite/core/models"
import type { Ops } from "@lllite/core/ops"
import { openSdxl, type SdxlPaths } from "./files/open-sdxl.ts"
import { requireFrom } from "./own-files.ts"

const require = requireFrom(import.meta.url)

/** CLIP's tokenizer, from the table in `@lllite/core`. */
export async function readTokenizer(): Promise<Tokenizer> {
  return createTokenizer(await readFile(require.resolve("@lllite/core/clip-merges.txt"), "utf8"))
}

/**
 * Loads an SDXL in this thread: `tiny`, a checkpoint, or a diffusers folder. The options `unet` and `vae` replace
 * these parts by others.
 *
 * @throws FormatError for a file that is broken or of another kind; InputError for a file that is missing; CoreError
 * for an SDXL that lacks tensors
 */
export async function loadCheckpoint(
  ops: Ops,
  checkpoint: string,
  { unet, vae, ...options }: LoadSdxlOptions & Omit<SdxlPaths, "checkpoint"> = {},
): Promise<Sdxl> {
  const paths: SdxlPaths = {
    checkpoint,
    ...(unet === undefined ? {} : { unet }),
    ...(vae === undefined ? {} : { vae }),
  }
  const { files, close } = await openSdxl(paths)
  try {
    return await loadSdxl(ops, files, await readTokenizer(), options)
  } finally {
    await close()
  }
}
