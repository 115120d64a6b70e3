import type { RgbImage } from "@lllite/core/image"
import type { WriteOptions } from "../files/atomic-write.ts"
import { writeAtomically } from "../files/atomic-write.ts"
import { loadSharp } from "./load-sharp.ts"

/** Options of {@link writeWebp}. */
export interface WebpOptions extends WriteOptions {
  /** From 1 to 100. It loses a little at 100, too. Default: 100 */
  readonly quality?: number
}

/**
 * Writes a picture as a lossy WebP, without text inside. The file is there whole or not at all. See `writeAtomically`.
 *
 * @param image with sides of at most 16,383 pixels, which is what the format can say
 * @returns the path of the file, which differs from `path` if `existing` is `rename` and the name was taken
 * @throws InputError when it cannot be written, or when the package sharp cannot be loaded; Error of sharp for sides or
 * a quality out of range
 */
export async function writeWebp(
  path: string,
  { width, height, data }: RgbImage,
  { quality = 100, ...options }: WebpOptions = {},
): Promise<string> {
  const sharp = await loadSharp()
  const bytes = await sharp(data, { raw: { width, height, channels: 3 } })
    .webp({ quality })
    .toBuffer()
  return writeAtomically(path, bytes, options)
}
