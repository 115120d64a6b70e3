import { maskedCrc32c } from "./crc32c.ts"

/** A field of a message: a number for its wire types 0, 1 and 5, or bytes. */
type Read = readonly [field: number, value: number | Uint8Array]

/** An event as a test reads it. */
export interface ReadEvent {
  readonly seconds: number
  readonly step: number
  readonly version: string | null
  readonly startsSession: boolean
  readonly scalars: Readonly<Record<string, number>>
  readonly pictures: Readonly<Record<string, Uint8Array>>
}

/** Reads a file of events, with both checksums of every record. */
export function readEvents(file: Uint8Array): readonly ReadEvent[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const events: ReadEvent[] = []
  for (let at = 0; at < file.length; ) {
    const length = Number(view.getBigUint64(at, true))
    const body = file.subarray(at + 12, at + 12 + length)
    const sums = [view.getUint32(at + 8, true), view.getUint32(at + 12 + length, true)]
    const wanted = [maskedCrc32c(file.subarray(at, at + 8)), maskedCrc32c(body)]
    if (sums.join() !== wanted.join()) throw new Error(`the record at byte ${at} has other checksums`)
    events.push(readEvent(body))
    at += length + 16
  }
  return events
}

function readEvent(body: Uint8Array): ReadEvent {
  const fields = readFields(body)
  const of = <T>(number: number, otherwise: T): T | number | Uint8Array =>
    fields.find(([field]) => field === number)?.[1] ?? otherwise
  const values = fields.filter(([field]) => field === 5).flatMap(([, summary]) => readFields(summary as Uint8Array))
  // Entries, since an object takes __proto__ for no name.
  const scalars: [tag: string, value: number][] = []
  const pictures: [tag: string, png: Uint8Array][] = []
  for (const [, value] of values) {
    const parts = new Map(readFields(value as Uint8Array))
    const tag = Buffer.from(parts.get(1) as Uint8Array).toString()
    if (parts.has(2)) scalars.push([tag, parts.get(2) as number])
    if (parts.has(4)) pictures.push([tag, new Map(readFields(parts.get(4) as Uint8Array)).get(4) as Uint8Array])
  }
  const version = of(3, null)
  return {
    seconds: of(1, Number.NaN) as number,
    step: of(2, 0) as number,
    version: version === null ? null : Buffer.from(version as Uint8Array).toString(),
    startsSession: of(7, null) !== null,
    scalars: Object.fromEntries(scalars),
    pictures: Object.fromEntries(pictures),
  }
}

function readFields(bytes: Uint8Array): Read[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const fields: Read[] = []
  let at = 0
  const varint = (): number => {
    let [value, factor] = [0, 1]
    for (;;) {
      const byte = bytes[at++] ?? 0
      value += (byte & 127) * factor
      if (byte < 128) return value
      factor *= 128
    }
  }
  while (at < bytes.length) {
    const tag = varint()
    const [field, wire] = [tag >> 3, tag & 7]
    if (wire === 0) {
      fields.push([field, varint()])
      continue
    }
    const length = wire === 1 ? 8 : wire === 5 ? 4 : varint()
    if (wire === 1) fields.push([field, view.getFloat64(at, true)])
    else if (wire === 5) fields.push([field, view.getFloat32(at, true)])
    else fields.push([field, bytes.subarray(at, at + length)])
    at += length
  }
  return fields
}
