/**
 * The masked CRC-32C (Castagnoli) of bytes, with which TensorFlow's records are framed.
 *
 * Source: tensorflow `tsl/lib/hash/crc32c.h`: a rotation by 15 bits, and a constant.
 */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** CRC-32C of bytes, as iSCSI has it. Source: RFC 3720, appendix B.4. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (TABLE[(crc ^ byte) & 255] as number) ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

/** The polynomial with its bits reversed. */
const POLYNOMIAL = 0x82f63b78

const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, start) => {
  let value = start
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? POLYNOMIAL ^ (value >>> 1) : value >>> 1
  return value
})
