import { createSha256 } from "@lllite/format/edit"

/** Bytes that are in memory at once. */
const PIECE = 4 * 2 ** 20

/**
 * The SHA-256 of a file of any size, which is read piece by piece.
 *
 * @returns 64 hexadecimal digits
 * @throws DOMException for a file that was deleted or changed since it was chosen
 */
export async function hashFile(file: Blob): Promise<string> {
  const hasher = createSha256()
  for (let at = 0; at < file.size; at += PIECE) {
    hasher.update(new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer()))
  }
  return hasher.digest()
}
