import type { PngText, RgbImage } from "@lllite/core/image"
import { PNG_SIGNATURE } from "@lllite/core/image"
import { fileError, InputError } from "../errors.ts"
import type { WriteOptions } from "../files/atomic-write.ts"
import { writeAtomically } from "../files/atomic-write.ts"
import { openRegular } from "../files/regular-file.ts"
import { brokenPng, decodePngText, encodePng, isTextChunk } from "./png.ts"

/** Bytes of the longest chunk of text that is read. */
const MOST_TEXT_BYTES = 2 ** 26

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

/**
 * Reads the text inside a PNG file, such as a picture's settings. The pixels are not read.
 *
 * @throws InputError that names the file, when it is not a PNG, or ends too early
 */
export async function readPngText(path: string): Promise<PngText> {
  const { handle, size } = await openRegular(path)
  const read = async (at: number, length: number): Promise<Uint8Array> => {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, at)
    return buffer.subarray(0, bytesRead)
  }
  try {
    const first = await read(0, PNG_SIGNATURE.length)
    // The signature with the chunks of text alone is a PNG, too.
    const pieces = [first]
    for (let at = PNG_SIGNATURE.length; at < size && isPng(first); ) {
      const head = Buffer.from(await read(at, 8))
      const length = head.length === 8 ? head.readUInt32BE() : Number.POSITIVE_INFINITY
      const type = head.toString("latin1", 4)
      if (at + 12 + length > size) throw brokenPng(at)
      if (type === "IEND") break
      if (isTextChunk(type) && length <= MOST_TEXT_BYTES) pieces.push(await read(at, 12 + length))
      at += 12 + length
    }
    return decodePngText(Buffer.concat(pieces))
  } catch (cause) {
    if (cause instanceof InputError) throw new InputError(cause.code, `"${path}": ${cause.message}`, { cause })
    throw fileError("read", path, cause)
  } finally {
    await handle.close()
  }
}

function isPng(first: Uint8Array): boolean {
  return PNG_SIGNATURE.every((byte, i) => first[i] === byte)
}
