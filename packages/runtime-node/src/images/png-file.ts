import type { PngText, RgbImage } from "@lllite/core/image"
import type { WriteOptions } from "../files/atomic-write.ts"
import { writeAtomically } from "../files/atomic-write.ts"
import { readSmallFile } from "../files/regular-file.ts"
import { decodePngText, encodePng } from "./png.ts"

/** The longest picture whose text is read. One of 100 million pixels has 300 MB without compression. */
const MOST_PICTURE_BYTES = 2 ** 29

/**
 * Writes a picture as a PNG with text inside. The file is there whole or not at all. See `writeAtomically`.
 *
 * @returns the path of the file, which differs from `path` if `existing` is `rename` and the name was taken
 * @throws InputError when it cannot be written
 */
export async function writePng(
  path: string,
  image: RgbImage,
  text?: PngText,
  options: WriteOptions = {},
): Promise<string> {
  return writeAtomically(path, encodePng(image, text), options)
}

/** Reads the text inside a PNG file, such as a picture's settings. @throws InputError when it is not a PNG */
export async function readPngText(path: string): Promise<PngText> {
  return decodePngText(await readSmallFile(path, MOST_PICTURE_BYTES, "a picture"))
}
