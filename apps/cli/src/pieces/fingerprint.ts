import { createHash } from "node:crypto"
import { stat } from "node:fs/promises"
import { withPath } from "@lllite/runtime-node"

/** Bytes of each sample, and samples of a large file. */
const [SAMPLE, SAMPLES] = [2 ** 20, 64]

/** Files that are read whole. */
const WHOLE = SAMPLE * SAMPLES

const known = new Map<string, Promise<string>>()

/**
 * A fingerprint of a file with weights: of all of its bytes, or of 64 MB that are spread over a larger one, its header
 * included. Two machines compare it. A file that has changed is read anew.
 */
export async function fingerprintOf(path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path)
  const key = JSON.stringify([path, size, mtimeMs])
  const found = known.get(key) ?? fingerprint(path)
  known.set(key, found)
  found.catch(() => known.delete(key))
  return found
}

async function fingerprint(path: string): Promise<string> {
  const hash = createHash("sha256")
  await withPath(path, async ({ size, read }) => {
    hash.update(`${size}\n`)
    const step = size <= WHOLE ? SAMPLE : Math.floor((size - SAMPLE) / (SAMPLES - 1))
    for (let at = 0; at < size; at += step) hash.update(await read(at, Math.min(size, at + SAMPLE)))
  })
  return hash.digest("hex").slice(0, 32)
}
