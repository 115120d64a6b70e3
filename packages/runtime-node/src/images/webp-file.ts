import { expectRgb, type RgbImage } from "@lllite/core/image"
import { checkArgument, checkRanges } from "@lllite/core/names"
import type { WriteOptions } from "../files/atomic-write.ts"
import { writeAtomically } from "../files/atomic-write.ts"
import { loadSharp } from "./load-sharp.ts"

/** Options of {@link writeWebp}. */
export interface WebpOptions extends WriteOptions {
  /** From 1 to 100. It loses a little at 100, too. Default: 100 */
  readonly quality?: number
}

/** What the format can say. */
const SIDE = { integer: true, min: 1, max: 16_383 } as const
const RANGES = { quality: { integer: true, min: 1, max: 100 }, width: SIDE, height: SIDE } as const

/**
 * Writes a picture as a lossy WebP, without text inside. The file is there whole or not at all. See `writeAtomically`.
 *
 * @param image with sides of at most 16,383 pixels, which is what the format can say
 * @returns the path of the file, which differs from `path` if `existing` is `rename` and the name was taken
 * @throws InputError when it cannot be written, or when the package sharp cannot be loaded; CoreError for sides or a
 * quality out of range, and for what is not an RGB picture
 */
export async function writeWebp(path: string, image: RgbImage, settings: WebpOptions = {}): Promise<string> {
  checkArgument("writeWebp: the options", settings, "an object")
  const { quality = 100, ...options } = settings
  expectRgb(image)
  const { width, height, data } = image
  checkRanges("writeWebp", { quality, width, height }, RANGES)
  const sharp = await loadSharp()
  const bytes = await sharp(data, { raw: { width, height, channels: 3 } })
    .webp({ quality })
    .toBuffer()
  return writeAtomically(path, bytes, options)
}
