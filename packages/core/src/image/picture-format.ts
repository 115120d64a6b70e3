import { checkArgument } from "../argument.ts"
import { PNG_SIGNATURE } from "./png.ts"

/** Formats of pictures that every runtime reads. */
export const PICTURE_FORMATS = ["PNG", "JPEG", "WebP"] as const
export type PictureFormat = (typeof PICTURE_FORMATS)[number]

/** Pixels of the largest picture that a runtime reads. They take 300 MB as RGB. A small file may claim any size. */
export const MOST_PICTURE_PIXELS = 100_000_000

const SIGNATURES: Readonly<Record<PictureFormat, readonly [offset: number, bytes: readonly number[]]>> = {
  PNG: [0, PNG_SIGNATURE],
  JPEG: [0, [0xff, 0xd8, 0xff]],
  WebP: [8, [0x57, 0x45, 0x42, 0x50]],
}

/** Bytes that {@link pictureFormatOf} needs. */
export const PICTURE_SIGNATURE_BYTES = 12

/** The format of a picture by its first 12 bytes. Null: another format, which no decoder should receive. */
export function pictureFormatOf(first: Uint8Array): PictureFormat | null {
  checkArgument("picture", first, "bytes")
  return (
    PICTURE_FORMATS.find((format) => {
      const [offset, bytes] = SIGNATURES[format]
      return bytes.every((byte, i) => first[offset + i] === byte)
    }) ?? null
  )
}

/** Formats that are not read, by their first bytes. */
const OTHERS: readonly (readonly [name: string, offset: number, bytes: readonly number[]])[] = [
  ["BMP", 0, [0x42, 0x4d]],
  ["GIF", 0, [0x47, 0x49, 0x46, 0x38]],
  ["TIFF", 0, [0x49, 0x49, 0x2a, 0x00]],
  ["TIFF", 0, [0x4d, 0x4d, 0x00, 0x2a]],
  ["PSD", 0, [0x38, 0x42, 0x50, 0x53]],
  ["PDF", 0, [0x25, 0x50, 0x44, 0x46]],
  ["JPEG XL", 0, [0xff, 0x0a]],
  ["JPEG XL", 4, [0x4a, 0x58, 0x4c, 0x20]],
  ["JPEG 2000", 4, [0x6a, 0x50, 0x20, 0x20]],
  ["AVIF", 4, [0x66, 0x74, 0x79, 0x70, 0x61, 0x76, 0x69]],
  ["HEIC", 4, [0x66, 0x74, 0x79, 0x70, 0x68, 0x65]],
  ["HEIC", 4, [0x66, 0x74, 0x79, 0x70, 0x6d, 0x69, 0x66, 0x31]],
]

/** What to do with a file of an unknown format. Some begin as text. */
function textAdvice(first: Uint8Array): string {
  const start = new TextDecoder("latin1").decode(first)
  if (start.startsWith("version http")) return "It is a pointer of Git LFS. Get the picture itself: git lfs pull."
  return start.trimStart().startsWith("<") ? "It is text, such as SVG or HTML. Save it as PNG." : "Convert it."
}

/** Says which formats are read, and what to do with another one. @param first its first 12 bytes, or all that it has */
export function otherFormatHint(first: Uint8Array): string {
  checkArgument("picture", first, "bytes")
  const other = OTHERS.find(([, offset, bytes]) => bytes.every((byte, i) => first[offset + i] === byte))?.[0]
  const advice =
    first.length === 0
      ? "The file is empty. Get a complete copy."
      : other === undefined
        ? textAdvice(first)
        : `It is ${other === "AVIF" ? "an" : "a"} ${other}. Save it as PNG.`
  return `expected ${PICTURE_FORMATS.join(", ")}. ${advice}`
}
