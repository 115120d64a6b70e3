import { createHash } from "node:crypto"
import type { SdxlPaths } from "../files/open-sdxl.ts"
import { openSdxl } from "../files/open-sdxl.ts"

/**
 * The fingerprint of the encoder of an SDXL's VAE. Latents of two encoders with the same weights have the same one,
 * whatever file the weights are in. All of its weights are read.
 *
 * @throws as `openSdxl`
 */
export async function vaeFingerprint(paths: SdxlPaths, signal?: AbortSignal): Promise<string> {
  const opened = await openSdxl(paths)
  try {
    const hash = createHash("sha256")
    const names = [...opened.files.vae.entries.keys()].filter(isEncoder).sort()
    for (const name of names) {
      signal?.throwIfAborted()
      const entry = opened.files.vae.entries.get(name)
      if (entry === undefined) continue
      hash.update(`${name.slice(name.search(ENCODER))} ${entry.dtype} ${entry.shape.join("x")}\n`)
      hash.update(await entry.read())
    }
    return hash.digest("hex").slice(0, 32)
  } finally {
    await opened.close()
  }
}

/** The beginning of an encoder's name, after the name of the VAE. */
const ENCODER = /(^|(?<=\.))(encoder\.|quant_conv\.)/

function isEncoder(name: string): boolean {
  return ENCODER.test(name) && !/conditioner|cond_stage|text_encoder/.test(name)
}
