/**
 * Position of the first byte that is not valid UTF-8 (overlong forms, surrogates and code points above U+10FFFF are
 * not), or -1. A TextDecoder would find the same, but it makes a string, which may take twice the bytes.
 * Source: The Unicode Standard, table 3-7.
 */
export function invalidUtf8At(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end) {
    const lead = bytes[at] as number
    if (lead < 0x80) {
      at++
      continue
    }
    const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0
    if (length === 0 || at + length > end) return at
    const second = bytes[at + 1] as number
    const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    if (second < least || second > most) return at
    for (let i = 2; i < length; i++) {
      if (((bytes[at + i] as number) & 0xc0) !== 0x80) return at
    }
    at += length
  }
  return -1
}

/** Writes a code point, which must not be a surrogate, as UTF-8. Returns the position of the next one. */
export function writeUtf8(codePoint: number, out: Uint8Array, at: number): number {
  if (codePoint < 0x80) {
    out[at] = codePoint
    return at + 1
  }
  const more = codePoint < 0x800 ? 1 : codePoint < 0x10000 ? 2 : 3
  out[at] = ((0xff00 >> (more + 1)) & 0xff) | (codePoint >> (6 * more))
  for (let i = 1; i <= more; i++) out[at + i] = 0x80 | ((codePoint >> (6 * (more - i))) & 0x3f)
  return at + 1 + more
}

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true })

/** UTF-8 that is known to be valid, as a string. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  // Letter by letter a few go faster; more would become a rope, which is slow to search and to hash.
  if (end - start <= 12) {
    let text = ""
    let at = start
    for (; at < end; at++) {
      const byte = bytes[at] as number
      if (byte >= 0x80) break
      text += String.fromCharCode(byte)
    }
    if (at === end) return text
  }
  return DECODER.decode(bytes.subarray(start, end))
}
