import type { GreyImage, PictureShape, RgbImage } from "@lllite/core/image"
import { MOST_PICTURE_PIXELS, otherFormatHint, PICTURE_SIGNATURE_BYTES, pictureFormatOf } from "@lllite/core/image"
import { checkArgument } from "@lllite/core/names"
import type { Metadata, Sharp } from "sharp"
import { fileError, InputError } from "../errors.ts"
import { openRegular } from "../files/regular-file.ts"
import { pathOnDisk } from "../files/same-letters.ts"
import { loadSharp } from "./load-sharp.ts"
import type { PictureTrait } from "./picture-traits.ts"
import { headerTraits, pixelTraits } from "./picture-traits.ts"

/** Width and height of a picture, in pixels. */
export interface ImageSize {
  readonly width: number
  readonly height: number
}

/** A picture in memory, with its name in messages. */
export interface NamedPicture {
  readonly name: string
  readonly bytes: Uint8Array
}

/** A picture: the path of its file, or its bytes. */
export type PictureSource = string | Uint8Array | NamedPicture

/** A picture's size, and what its header says that is not followed. */
export interface ImageHeader extends ImageSize {
  readonly traits: readonly PictureTrait[]
}

/** A picture, and what its file says or holds that is not in its pixels. */
export interface ExaminedImage {
  readonly image: RgbImage
  /** Null: the picture has none. */
  readonly alpha: GreyImage | null
  readonly traits: readonly PictureTrait[]
}

/**
 * Reads the size of a PNG, JPEG or WebP from its header. As in sd-scripts, orientation in EXIF is not applied.
 *
 * @throws InputError when the file cannot be read or is not such a picture
 */
export async function readImageSize(source: PictureSource): Promise<ImageSize> {
  const { width, height } = await readImageHeader(source)
  return { width, height }
}

/** As {@link readImageSize}, with what the header says that is not followed. */
export async function readImageHeader(source: PictureSource): Promise<ImageHeader> {
  const metadata = await decode(source, (image) => image.metadata())
  const { width, height } = metadata
  return { width, height, traits: headerTraits(metadata) }
}

/** A picture's shape by its header. */
export function shapeOf({ width, height, traits }: ImageHeader): PictureShape {
  return { width, height, isTurned: traits.includes("turned") }
}

/**
 * Reads a PNG, JPEG or WebP as eight-bit RGB. As in sd-scripts, alpha is dropped and not blended. Orientation in EXIF
 * and colour profiles are not applied. An animation gives its first picture. `examineImage` says which of these a file
 * has.
 *
 * @throws InputError when the file cannot be read, is not such a picture, is broken, or has over 100 million pixels
 */
export async function readImage(source: PictureSource): Promise<RgbImage> {
  return (await examineImage(source)).image
}

/**
 * Reads a picture as {@link readImage} does, with what its file says or holds that is dropped or not followed. See
 * `pictureNotices`.
 *
 * @throws InputError as {@link readImage}
 */
export async function examineImage(source: PictureSource): Promise<ExaminedImage> {
  const { metadata, data, info } = await decode(source, async (image) => {
    const metadata: Metadata = await image.metadata()
    const decoded = image.toColourspace("srgb").raw({ depth: "uchar" })
    return { metadata, ...(await decoded.toBuffer({ resolveWithObject: true })) }
  })
  const { width, height, channels } = info
  if (channels === 3) {
    return { image: { width, height, data: new Uint8Array(data) }, alpha: null, traits: headerTraits(metadata) }
  }
  if (channels !== 4) {
    throw new InputError(
      "picture-channels",
      `${labelOf(source)} decodes to ${channels} channels, expected 3. Save it as an RGB picture.`,
    )
  }
  return {
    image: { width, height, data: withoutAlpha(data, width * height) },
    alpha: { width, height, data: Uint8Array.from({ length: width * height }, (_, i) => data[4 * i + 3] as number) },
    traits: [...headerTraits(metadata), ...pixelTraits(data)],
  }
}

/**
 * Reads where a picture is transparent, as a mask: 255 where it is, 0 where it is opaque. This is the mask of ComfyUI's
 * Load Image.
 *
 * @throws InputError as {@link readImage}, and for a picture without alpha
 */
export async function readAlphaMask(source: PictureSource): Promise<GreyImage> {
  const { alpha } = await examineImage(source)
  if (alpha === null) {
    throw new InputError(
      "picture-channels",
      `${labelOf(source)} is a mask by its alpha, and has no alpha. Save it with transparency, or give a mask with --mask_path.`,
    )
  }
  return { ...alpha, data: alpha.data.map((value) => 255 - value) }
}

function withoutAlpha(rgba: Uint8Array, pixels: number): Uint8Array {
  const data = new Uint8Array(3 * pixels)
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    data[to] = rgba[from] as number
    data[to + 1] = rgba[from + 1] as number
    data[to + 2] = rgba[from + 2] as number
  }
  return data
}

async function decode<T>(source: PictureSource, use: (image: Sharp) => Promise<T>): Promise<T> {
  await checkFormat(source)
  const sharp = await loadSharp()
  const input = isNamed(source) ? source.bytes : typeof source === "string" ? await pathOnDisk(source) : source
  try {
    return await use(
      sharp(input, {
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
    const code = systemCode(message)
    if (code !== null)
      throw fileError(
        "read",
        typeof source === "string" ? source : isNamed(source) ? source.name : "a picture",
        Object.assign(new Error(message), { code }),
      )
    // sharp ends some lines with a colon that nothing follows.
    const reason = message.split("\n")[0]?.replace(/[\s:]+$/, "") ?? ""
    throw new InputError(
      "picture-broken",
      `${labelOf(source)} is a broken picture (${reason}). Get a complete copy, or save it again.`,
      { cause },
    )
  }
}

/** The code of a refusal of the system, which sharp gives in words. The picture is not at fault. */
function systemCode(message: string): string | null {
  if (/too many open files/i.test(message)) return "EMFILE"
  return /out of memory|cannot allocate memory/i.test(message) ? "ENOMEM" : null
}

async function checkFormat(source: PictureSource): Promise<void> {
  const bytes = isNamed(source) ? source.bytes : source
  if (typeof bytes !== "string") checkArgument("readImage: the picture", bytes?.subarray, "a function")
  const first = typeof bytes === "string" ? await firstBytes(bytes) : bytes.subarray(0, PICTURE_SIGNATURE_BYTES)
  if (pictureFormatOf(first) !== null) return
  throw new InputError(
    "not-a-picture",
    `${labelOf(source)} is not a picture that can be read, ${otherFormatHint(first)}`,
  )
}

async function firstBytes(path: string): Promise<Uint8Array> {
  const first = new Uint8Array(PICTURE_SIGNATURE_BYTES)
  try {
    const { handle } = await openRegular(path)
    try {
      const { bytesRead } = await handle.read(first, 0, first.length, 0)
      return first.subarray(0, bytesRead)
    } finally {
      await handle.close()
    }
  } catch (cause) {
    throw fileError("read", path, cause)
  }
}

function labelOf(source: PictureSource): string {
  if (isNamed(source)) return `"${source.name}"`
  return typeof source === "string" ? `"${source}"` : "the picture"
}

function isNamed(source: PictureSource): source is NamedPicture {
  return typeof source === "object" && source !== null && "bytes" in source
}
