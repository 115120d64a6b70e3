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
  return (
    PICTURE_FORMATS.find((format) => {
      const [offset, bytes] = SIGNATURES[format]
      return bytes.every((byte, i) => first[offset + i] === byte)
    }) ?? null
  )
}

/** Says which formats are read, and what to do with another one. @param first its first 12 bytes */
export function otherFormatHint(first: Uint8Array): string {
  const isBmp = first[0] === 0x42 && first[1] === 0x4d
  return `expected ${PICTURE_FORMATS.join(", ")}.${isBmp ? " It is a BMP. Save it as PNG." : " Convert it, or leave it out."}`
}
