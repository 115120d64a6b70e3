import { createHash } from "node:crypto"
import { inferText1Config, inferText2Config, isProjectionTransposed, type WeightFile } from "@lllite/core/models"
import type { SdxlPaths } from "../files/open-sdxl.ts"
import { openSdxl } from "../files/open-sdxl.ts"

/** What encoded captions depend on of a checkpoint. */
export interface TextEncoders {
  /** Encoders with the same weights have the same one, whatever file the weights are in. */
  readonly fingerprint: string
  /** Widths of the hidden states of both encoders, and of pooled text. SDXL: 768, 1280, 1280 */
  readonly widths: readonly [first: number, second: number, pooled: number]
  /** Whether sd-scripts projects pooled text as the model does: its weights have the names of transformers. */
  readonly projectsAlike: boolean
}

/**
 * Reads all weights of an SDXL's text encoders, and says what encoded captions depend on.
 *
 * @throws as `openSdxl`
 */
export async function readTextEncoders(paths: SdxlPaths, signal?: AbortSignal): Promise<TextEncoders> {
  const { files, close } = await openSdxl(paths)
  try {
    const { text1, text2 } = files
    const [first, second] = [inferText1Config(text1), inferText2Config(text2)]
    return {
      fingerprint: await fingerprintOf([text1, text2], signal),
      widths: [first.width, second.width, second.projection ?? second.width],
      projectsAlike: isProjectionTransposed(text2),
    }
  } finally {
    await close()
  }
}

async function fingerprintOf(parts: readonly WeightFile[], signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256")
  for (const { entries } of parts) {
    for (const [name, entry] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
      signal?.throwIfAborted()
      hash.update(`${name} ${entry.dtype} ${entry.shape.join("x")}\n`)
      hash.update(await entry.read())
    }
  }
  return hash.digest("hex").slice(0, 32)
}
