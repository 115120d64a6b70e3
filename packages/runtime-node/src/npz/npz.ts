import { readFile, stat } from "node:fs/promises"
import { unzipSync, zipSync } from "fflate"
import { fileError, InputError } from "../errors.ts"
import type { NumpyArray } from "./npy.ts"
import { readNpy, writeNpy } from "./npy.ts"

/** The most bytes of a file, and of the arrays in it. Latents of 4096 × 4096 pixels, both ways and masked, take 76 MB. */
const MOST_BYTES = 512 * 2 ** 20

/**
 * Reads arrays of an `.npz`: a ZIP file of `.npy` files, stored or deflated.
 *
 * @param names the arrays to read. Others are passed over
 * @throws InputError when the file cannot be read, is not such a file, is too large, or an array cannot be read
 */
export async function readNpz(
  path: string,
  names: (name: string) => boolean = () => true,
): Promise<ReadonlyMap<string, NumpyArray>> {
  let bytes: Uint8Array
  try {
    if ((await stat(path)).size > MOST_BYTES) throw tooLarge(path)
    bytes = await readFile(path)
  } catch (cause) {
    throw fileError("read", path, cause)
  }
  return parseNpz(bytes, path, names)
}

/** As {@link readNpz}, from bytes. */
export function parseNpz(
  bytes: Uint8Array,
  label: string,
  names: (name: string) => boolean = () => true,
): ReadonlyMap<string, NumpyArray> {
  let sum = 0
  const files = unzip(bytes, label, (name, size) => {
    if (!name.endsWith(".npy") || !names(stemOf(name))) return false
    sum += size
    if (sum > MOST_BYTES) throw tooLarge(label)
    return true
  })
  return new Map(Object.entries(files).map(([name, data]) => [stemOf(name), readNpy(data, `"${label}": ${name}`)]))
}

/** The bytes of an `.npz` with these arrays, not compressed, as numpy's `savez` writes it. */
export function npzFile(arrays: ReadonlyMap<string, NumpyArray>): Uint8Array {
  const files = Object.fromEntries([...arrays].map(([name, array]) => [`${name}.npy`, writeNpy(array)]))
  // numpy writes this date. The same arrays then give the same bytes.
  return zipSync(files, { level: 0, mtime: new Date(1980, 0, 1) })
}

function unzip(bytes: Uint8Array, label: string, isRead: (name: string, size: number) => boolean) {
  try {
    return unzipSync(bytes, { filter: ({ name, originalSize }) => isRead(name, originalSize) })
  } catch (cause) {
    if (cause instanceof InputError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new InputError("array-file", `"${label}" is not an .npz file that can be read: ${reason}. Make it anew.`, {
      cause,
    })
  }
}

function tooLarge(path: string): InputError {
  return new InputError("file-size", `"${path}" is too large for a cache of one picture. Remove it. It is made anew.`)
}

function stemOf(name: string): string {
  return name.slice(0, -".npy".length)
}
