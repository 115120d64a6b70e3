import { checkArgument } from "../argument.ts"
import { unknownName } from "../nearest.ts"
import { PICTURE_FORMATS, type PictureFormat } from "./picture-format.ts"

/** The tag of the orientation. Source: TIFF 6.0, section 8. */
const ORIENTATION = 0x0112

/**
 * The orientation that a picture's EXIF gives, from 1 to 8. 1 is upright, and is given where there is none or it is not
 * valid. Viewers turn pictures by it.
 *
 * Source: CIPA DC-008 (Exif 3.0), section 4.6.5.
 *
 * @param bytes of the file, all or a beginning that holds the EXIF
 */
export function exifOrientation(bytes: Uint8Array, format: PictureFormat): number {
  checkArgument("picture", bytes, "bytes")
  if (!PICTURE_FORMATS.includes(format)) throw unknownName("picture", "format", String(format), PICTURE_FORMATS)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = { JPEG: jpegExif, PNG: pngExif, WebP: webpExif }[format](view)
  return start === null ? 1 : orientationAt(view, start)
}

/** The orientation in the first directory of a TIFF structure. */
function orientationAt(view: DataView, start: number): number {
  if (start + 8 > view.byteLength) return 1
  const order = view.getUint16(start)
  if (order !== 0x4949 && order !== 0x4d4d) return 1
  const isLittle = order === 0x4949
  const directory = start + view.getUint32(start + 4, isLittle)
  if (directory + 2 > view.byteLength) return 1
  const count = view.getUint16(directory, isLittle)
  for (let entry = 0; entry < count; entry++) {
    const at = directory + 2 + 12 * entry
    if (at + 12 > view.byteLength) return 1
    if (view.getUint16(at, isLittle) !== ORIENTATION) continue
    const value = view.getUint16(at + 8, isLittle)
    return value >= 1 && value <= 8 ? value : 1
  }
  return 1
}

/** Source: ITU-T T.81, annex B. */
function jpegExif(view: DataView): number | null {
  for (let at = 2; at + 4 <= view.byteLength && view.getUint8(at) === 0xff && view.getUint8(at + 1) !== 0xda; ) {
    // The segment APP1 begins with "Exif" and two zeros.
    const isExif = at + 10 <= view.byteLength && view.getUint32(at + 4) === 0x45786966 && view.getUint16(at + 8) === 0
    if (view.getUint8(at + 1) === 0xe1 && isExif) return at + 10
    at += 2 + view.getUint16(at + 2)
  }
  return null
}

/** Source: PNG, third edition (W3C), section 11.3.4.5. */
function pngExif(view: DataView): number | null {
  for (let at = 8; at + 8 <= view.byteLength; at += 12 + view.getUint32(at)) {
    if (view.getUint32(at + 4) === 0x65584966) return at + 8
  }
  return null
}

/** Source: RFC 9649, section 2.7. Some programs put JPEG's "Exif" and two zeros before the structure. */
function webpExif(view: DataView): number | null {
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const size = view.getUint32(at + 4, true)
    if (view.getUint32(at) === 0x45584946) {
      const isPrefixed = at + 14 <= view.byteLength && view.getUint32(at + 8) === 0x45786966
      return at + (isPrefixed ? 14 : 8)
    }
    at += 8 + size + (size % 2)
  }
  return null
}
