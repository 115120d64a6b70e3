import { readFile } from "node:fs/promises"
import type { PngText, RgbImage } from "@lllite/core/image"
import { fileError } from "../errors.ts"
import { writeAtomically } from "../files/atomic-write.ts"
import { decodePngText, encodePng } from "./png.ts"

/**
 * Writes a picture as a PNG with text inside. The file is there whole or not at all.
 *
 * @throws InputError when it cannot be written
 */
export async function writePng(path: string, image: RgbImage, text?: PngText): Promise<void> {
  await writeAtomically(path, encodePng(image, text))
}

/** Reads the text inside a PNG file, such as a picture's settings. @throws InputError when it is not a PNG */
export async function readPngText(path: string): Promise<PngText> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw fileError("read", path, cause)
  })
  return decodePngText(bytes)
}
