/** An encoded field of a message in the wire format of Protocol Buffers. */
export type Field = Uint8Array

/** The wire types of fields. Source: the encoding guide of Protocol Buffers. */
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

/** A message: its fields one after another. */
export function message(fields: readonly Field[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(fields))
}

/** A whole number of at least 0: int64, int32 or an enum. */
export function varintField(number: number, value: number): Field {
  return message([tag(number, WIRE.varint), varint(value)])
}

/** A float64. */
export function doubleField(number: number, value: number): Field {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value, true)
  return message([tag(number, WIRE.fixed64), bytes])
}

/** A float32. */
export function floatField(number: number, value: number): Field {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setFloat32(0, value, true)
  return message([tag(number, WIRE.fixed32), bytes])
}

/** Bytes, text, or a message inside a message. */
export function bytesField(number: number, value: Uint8Array | string): Field {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value
  return message([tag(number, WIRE.bytes), varint(bytes.length), bytes])
}

function tag(number: number, wire: number): Uint8Array {
  return varint(number * 8 + wire)
}

/** Seven bits a byte, the lowest first. Division keeps numbers above 2^31 whole. */
function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest > 127) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  return Uint8Array.from([...bytes, rest])
}
