import { open } from "node:fs/promises"
import type { RgbImage } from "@lllite/core/image"
import { MOST_PICTURE_PIXELS, otherFormatHint, PICTURE_SIGNATURE_BYTES, pictureFormatOf } from "@lllite/core/image"
import sharp, { type Sharp } from "sharp"
import { fileError, InputError } from "../errors.ts"

/** Endings of the pictures that can be read, in lower case. */
export const IMAGE_EXTENSIONS = [".png", ".jpg", ".jpeg", ".webp"] as const

/** Width and height of a picture, in pixels. */
export interface ImageSize {
  readonly width: number
  readonly height: number
}

/** A picture: the path of its file, or its bytes. */
export type PictureSource = string | Uint8Array

/**
 * Reads the size of a PNG, JPEG or WebP from its header. As in sd-scripts, orientation in EXIF is not applied.
 *
 * @throws InputError when the file cannot be read or is not such a picture
 */
export async function readImageSize(source: PictureSource): Promise<ImageSize> {
  const { width, height } = await decode(source, (image) => image.metadata())
  return { width, height }
}

/**
 * Reads a PNG, JPEG or WebP as eight-bit RGB. As in sd-scripts, alpha is dropped and not blended. Orientation in EXIF
 * and colour profiles are not applied. An animation gives its first picture.
 *
 * @throws InputError when the file cannot be read, is not such a picture, is broken, or has over 100 million pixels
 */
export async function readImage(source: PictureSource): Promise<RgbImage> {
  const { data, info } = await decode(source, (image) =>
    image.toColourspace("srgb").removeAlpha().raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true }),
  )
  if (info.channels !== 3) {
    throw new InputError(
      "picture-channels",
      `${labelOf(source)} decodes to ${info.channels} channels, expected 3. Save it as an RGB picture.`,
    )
  }
  return { width: info.width, height: info.height, data: new Uint8Array(data) }
}

async function decode<T>(source: PictureSource, use: (image: Sharp) => Promise<T>): Promise<T> {
  await checkFormat(source)
  try {
    return await use(
      sharp(source, {
        failOn: "error",
        limitInputPixels: MOST_PICTURE_PIXELS,
        autoOrient: false,
        ignoreIcc: true,
        pages: 1,
      }),
    )
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    if (/pixel limit/.test(message)) {
      throw new InputError(
        "picture-size",
        `${labelOf(source)} has more than ${MOST_PICTURE_PIXELS / 1e6} million pixels. Make it smaller.`,
        { cause },
      )
    }
    const reason = message.split("\n")[0]?.trim() ?? ""
    throw new InputError(
      "picture-broken",
      `${labelOf(source)} is a broken picture (${reason}). Save it again, or leave it out.`,
      { cause },
    )
  }
}

async function checkFormat(source: PictureSource): Promise<void> {
  const first = typeof source === "string" ? await firstBytes(source) : source.subarray(0, PICTURE_SIGNATURE_BYTES)
  if (pictureFormatOf(first) !== null) return
  throw new InputError(
    "not-a-picture",
    `${labelOf(source)} is not a picture that can be read, ${otherFormatHint(first)}`,
  )
}

async function firstBytes(path: string): Promise<Uint8Array> {
  const first = new Uint8Array(PICTURE_SIGNATURE_BYTES)
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
  return first
}

function labelOf(source: PictureSource): string {
  return typeof source === "string" ? `"${source}"` : "the picture"
}
