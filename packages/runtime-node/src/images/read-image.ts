import { open } from "node:fs/promises"
import type { RgbImage } from "@lllite/core/image"
import sharp, { type Sharp } from "sharp"
import { fileError, InputError } from "../errors.ts"

/** Endings of the pictures that can be read, in lower case. */
export const IMAGE_EXTENSIONS = [".png", ".jpg", ".jpeg", ".webp"] as const

/** A picture with more pixels than this is refused before it is decoded. 100 million pixels take 300 MB. */
const MOST_PIXELS = 100_000_000

/** First bytes of the formats that can be read. Other files never reach a decoder. */
const SIGNATURES: readonly (readonly [name: string, offset: number, bytes: readonly number[]])[] = [
  ["PNG", 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["JPEG", 0, [0xff, 0xd8, 0xff]],
  ["WebP", 8, [0x57, 0x45, 0x42, 0x50]],
]

/** Width and height of a picture, in pixels. */
export interface ImageSize {
  readonly width: number
  readonly height: number
}

/**
 * Reads the size of a PNG, JPEG or WebP from its header. As in sd-scripts, orientation in EXIF is not applied.
 *
 * @throws InputError when the file cannot be read or is not such a picture
 */
export async function readImageSize(path: string): Promise<ImageSize> {
  const { width, height } = await decode(path, (image) => image.metadata())
  return { width, height }
}

/**
 * Reads a PNG, JPEG or WebP as eight-bit RGB. As in sd-scripts, alpha is dropped and not blended. Orientation in EXIF
 * and colour profiles are not applied. An animation gives its first picture.
 *
 * @throws InputError when the file cannot be read, is not such a picture, is broken, or has over 100 million pixels
 */
export async function readImage(path: string): Promise<RgbImage> {
  const { data, info } = await decode(path, (image) =>
    image.toColourspace("srgb").removeAlpha().raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true }),
  )
  if (info.channels !== 3) {
    throw new InputError(
      "picture-channels",
      `"${path}" decodes to ${info.channels} channels, expected 3. Save it as an RGB picture.`,
    )
  }
  return { width: info.width, height: info.height, data: new Uint8Array(data) }
}

async function decode<T>(path: string, use: (image: Sharp) => Promise<T>): Promise<T> {
  await checkSignature(path)
  try {
    return await use(
      sharp(path, { failOn: "error", limitInputPixels: MOST_PIXELS, autoOrient: false, ignoreIcc: true, pages: 1 }),
    )
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    if (/pixel limit/.test(message)) {
      throw new InputError(
        "picture-size",
        `"${path}" has more than ${MOST_PIXELS / 1e6} million pixels. Make it smaller.`,
        { cause },
      )
    }
    const reason = message.split("\n")[0]?.trim() ?? ""
    throw new InputError(
      "picture-broken",
      `"${path}" is a broken picture (${reason}). Save it again, or leave it out.`,
      { cause },
    )
  }
}

async function checkSignature(path: string): Promise<void> {
  const first = new Uint8Array(12)
  try {
    const handle = await open(path, "r")
    try {
      await handle.read(first, 0, first.length, 0)
    } finally {
      await handle.close()
    }
  } catch (cause) {
    throw fileError("read", path, cause)
  }
  const known = SIGNATURES.some(([, offset, bytes]) => bytes.every((byte, i) => first[offset + i] === byte))
  if (known) return
  const names = SIGNATURES.map(([name]) => name).join(", ")
  const hint =
    first[0] === 0x42 && first[1] === 0x4d ? " It is a BMP. Save it as PNG." : " Convert it, or leave it out."
  throw new InputError("not-a-picture", `"${path}" is not a picture that can be read, expected ${names}.${hint}`)
}
