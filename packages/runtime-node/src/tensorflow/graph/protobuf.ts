/**
 * Fields of protobuf messages as bytes. Source: Protocol Buffers, "Encoding". Fields have to be written with their
 * number. Their order is free.
 */
export type Bytes = Uint8Array

/** Joins fields to a message. */
export function message(...fields: readonly Bytes[]): Bytes {
  return Buffer.concat(fields)
}

/** A whole number or a boolean. */
export function integerField(field: number, value: number): Bytes {
  return Buffer.concat([varint(field * 8), varint(value)])
}

/** A text, bytes or another message. */
export function bytesField(field: number, value: Bytes | string): Bytes {
  const bytes = typeof value === "string" ? Buffer.from(value) : value
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes])
}

/** A float32. */
export function floatField(field: number, value: number): Bytes {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return Buffer.concat([varint(field * 8 + 5), bytes])
}

/** Negative numbers take ten bytes, as 64 bits in two's complement. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  do {
    const low = Number(rest & 127n)
    rest >>= 7n
    bytes.push(rest === 0n ? low : low | 128)
  } while (rest !== 0n)
  return Buffer.from(bytes)
}
