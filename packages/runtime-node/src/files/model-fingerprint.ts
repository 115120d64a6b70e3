import { createHash } from "node:crypto"
import type { SdxlFiles } from "@lllite/core/models"
import { openSdxl, type SdxlPaths } from "./open-sdxl.ts"

/** Bytes of a tensor that is always read: norms and biases. */
const SMALL = 64 * 2 ** 10
/** Bytes of a tensor that may be read as a sample. */
const LARGE = 8 * 2 ** 20
/** Of the tensors between both sizes, every one of this number is read. */
const EVERY = 16

/**
 * A fingerprint of an SDXL without LoRAs: of all names, dtypes and shapes, of all small tensors, and of a sample of the others, in all
 * about 0.3 GB at real size. Two processes can compare it to see whether they have the same model. It is not a proof, since
 * most of the values are not read.
 *
 * @throws as `openSdxl`; the signal's reason when aborted
 */
export async function modelFingerprint(paths: Omit<SdxlPaths, "loras">, signal?: AbortSignal): Promise<string> {
  const opened = await openSdxl(paths)
  try {
    const hash = createHash("sha256")
    for (const part of PARTS) {
      let sampled = 0
      for (const [name, entry] of [...opened.files[part].entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
        signal?.throwIfAborted()
        const bytes = entry.shape.reduce((product, side) => product * side, 4)
        hash.update(`${part} ${name} ${entry.dtype} ${entry.shape.join("x")}\n`)
        const isSampled = bytes > SMALL && bytes <= LARGE && sampled++ % EVERY === 0
        if (bytes <= SMALL || isSampled) hash.update(await entry.read())
      }
    }
    return hash.digest("hex").slice(0, 32)
  } finally {
    await opened.close()
  }
}

const PARTS = ["unet", "vae", "text1", "text2"] as const satisfies readonly (keyof SdxlFiles)[]
