import { readFile } from "node:fs/promises"
import type { LoadSdxlOptions, Sdxl, Tokenizer } from "@lllite/core/models"
import { createTokenizer } from "@lllite/core/models"
import type { Ops } from "@lllite/core/ops"
import { loadWatched } from "@lllite/core/worker"
import { openSdxl, type SdxlPaths } from "./files/open-sdxl.ts"
import { requireFrom } from "./own-files.ts"
import { pause } from "./workers/pause.ts"

const require = requireFrom(import.meta.url)

let merges: string | null = null
let tokenizer: Tokenizer | null = null

/**
 * CLIP's tokenizer, from the table in `@lllite/core`. The table is read once in a thread. It is laid out at the first use,
 * since that takes a tenth of a second, and most threads read no text.
 */
export async function readTokenizer(): Promise<Tokenizer> {
  merges ??= await readFile(require.resolve("@lllite/core/clip-merges.txt"), "utf8")
  const text = merges
  const laidOut = (): Tokenizer => {
    tokenizer ??= createTokenizer(text)
    return tokenizer
  }
  return {
    encode: (prompt) => laidOut().encode(prompt),
    get vocabularySize() {
      return laidOut().vocabularySize
    },
    get startId() {
      return laidOut().startId
    },
    get endId() {
      return laidOut().endId
    },
  }
}

/** Options of {@link loadCheckpoint}. */
export interface LoadCheckpointOptions extends LoadSdxlOptions, Omit<SdxlPaths, "checkpoint"> {
  /** Stops loading and frees what was loaded. */
  readonly signal?: AbortSignal
}

/**
 * Loads an SDXL in this thread: `tiny`, a checkpoint, or a diffusers folder. The options `unet` and `vae` replace
 * these parts by others.
 *
 * @throws FormatError for a file that is broken or of another kind; InputError for a file that is missing; CoreError
 * for an SDXL that lacks tensors; the signal's reason when aborted. Nothing of it stays on the device then
 */
export async function loadCheckpoint(
  ops: Ops,
  checkpoint: string,
  { unet, vae, signal, ...options }: LoadCheckpointOptions = {},
): Promise<Sdxl> {
  const paths: SdxlPaths = {
    checkpoint,
    ...(unet === undefined ? {} : { unet }),
    ...(vae === undefined ? {} : { vae }),
  }
  const { files, close } = await openSdxl(paths)
  try {
    const context = { signal: signal ?? new AbortController().signal, pause }
    const loading = loadWatched(ops, files, await readTokenizer(), options, context)
    for (;;) {
      const next = await loading.next()
      if (next.done === true) return next.value
    }
  } finally {
    await close()
  }
}
