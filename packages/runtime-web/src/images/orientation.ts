import type { PictureFormat } from "@lllite/core/image"
import type { Bytes } from "@lllite/format"

/*
 * Browsers rotate a picture by the orientation in its EXIF, and have no setting against it. Training pictures are not
 * rotated, so EXIF is taken out of the bytes before the browser decodes them.
 */

/** The bytes of a picture without its EXIF, by which a browser would rotate it. The pixels stay as they are. */
export function withoutExif(bytes: Bytes, format: PictureFormat): Bytes {
  if (format === "JPEG") return renameJpegExif(bytes.slice())
  if (format === "WebP") return renameWebpExif(bytes.slice())
  return dropPngExif(bytes)
}

const SEGMENT = 0xff
const START_OF_SCAN = 0xda
/** Holds EXIF. */
const APP1 = 0xe1
/** Decoders pass over it. */
const APP15 = 0xef

/** Source: ITU-T T.81, annex B. */
function renameJpegExif(bytes: Bytes): Bytes {
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === SEGMENT && bytes[at + 1] !== START_OF_SCAN; ) {
    if (bytes[at + 1] === APP1) bytes[at + 1] = APP15
    at += 2 + bigEndian16(bytes, at + 2)
  }
  return bytes
}

/** Source: RFC 9649, section 2.7. */
function renameWebpExif(bytes: Bytes): Bytes {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at + 4, true)
    if (nameAt(bytes, at) === "EXIF") bytes.set([0x65, 0x78, 0x69, 0x66], at)
    at += 8 + size + (size % 2)
  }
  return bytes
}

/** Source: PNG, third edition (W3C), sections 5.3 and 11.3.4.5. */
function dropPngExif(bytes: Bytes): Bytes {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 12 + view.getUint32(at)
    if (nameAt(bytes, at + 4) === "eXIf" && end <= bytes.length) {
      const rest = new Uint8Array(bytes.length - (end - at))
      rest.set(bytes.subarray(0, at))
      rest.set(bytes.subarray(end), at)
      return rest
    }
    at = end
  }
  return bytes
}

function bigEndian16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

function nameAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4))
}
