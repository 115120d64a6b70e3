import { maskedCrc32c } from "./crc32c.ts"
import type { Field } from "./protobuf.ts"
import { bytesField, doubleField, floatField, message, varintField } from "./protobuf.ts"

/*
 * Files of events, as TensorBoard reads them.
 * Source: tensorflow `tsl/lib/io/record_writer.cc`, `core/util/event.proto`, `core/framework/summary.proto`, and
 * tensorboard `plugins/hparams/plugin_data.proto`.
 */

/** An option of a run, as TensorBoard's HPARAMS page shows it. */
export type HyperParameter = number | boolean | string

/** A picture as a file, with its size in pixels. */
export interface EncodedPicture {
  readonly width: number
  readonly height: number
  /** A PNG. */
  readonly png: Uint8Array
}

/** A record: its length, and its bytes, each with a checksum. */
export function record(bytes: Uint8Array): Uint8Array {
  const framed = new Uint8Array(bytes.length + 16)
  const view = new DataView(framed.buffer)
  view.setBigUint64(0, BigInt(bytes.length), true)
  view.setUint32(8, maskedCrc32c(framed.subarray(0, 8)), true)
  framed.set(bytes, 12)
  view.setUint32(12 + bytes.length, maskedCrc32c(bytes), true)
  return framed
}

/** The first record of every file. @param seconds since 1970, as in all events */
export function versionEvent(seconds: number): Uint8Array {
  return event(seconds, null, bytesField(3, "brain.Event:2"))
}

/** A run that continues: TensorBoard forgets what it has of this step and of later ones. */
export function sessionStartEvent(seconds: number, step: number): Uint8Array {
  return event(seconds, step, bytesField(7, varintField(1, 1)))
}

/** Figures of a step by their tags. */
export function scalarsEvent(seconds: number, step: number, figures: Readonly<Record<string, number>>): Uint8Array {
  const values = Object.entries(figures).map(([tag, value]) => summaryValue([bytesField(1, tag), floatField(2, value)]))
  return event(seconds, step, bytesField(5, message(values)))
}

/** Pictures of a step by their tags. */
export function picturesEvent(
  seconds: number,
  step: number,
  pictures: ReadonlyMap<string, EncodedPicture>,
): Uint8Array {
  const values = [...pictures].map(([tag, { width, height, png }]) => {
    const picture = [varintField(1, height), varintField(2, width), varintField(3, RGB), bytesField(4, png)]
    return summaryValue([bytesField(1, tag), bytesField(4, message(picture))])
  })
  return event(seconds, step, bytesField(5, message(values)))
}

/** The options of a run. */
export function optionsEvent(seconds: number, options: Readonly<Record<string, HyperParameter>>): Uint8Array {
  const entries = Object.entries(options).map(([name, value]) =>
    bytesField(1, message([bytesField(1, name), bytesField(2, parameterField(value))])),
  )
  const start = bytesField(3, message([...entries, doubleField(5, seconds)]))
  const plugin = message([bytesField(1, "hparams"), bytesField(2, start)])
  // TensorBoard expects a tensor there, whose value it does not read: one float32.
  const tensor = message([varintField(1, 1), bytesField(2, bytesField(2, varintField(1, 1))), floatField(5, 0)])
  const value = summaryValue([
    bytesField(1, "_hparams_/session_start_info"),
    bytesField(8, tensor),
    bytesField(9, bytesField(1, plugin)),
  ])
  return event(seconds, null, bytesField(5, value))
}

/** The number of channels that TensorBoard calls RGB. */
const RGB = 3

function event(seconds: number, step: number | null, what: Field): Uint8Array {
  return record(message([doubleField(1, seconds), ...(step === null ? [] : [varintField(2, step)]), what]))
}

function summaryValue(fields: readonly Field[]): Field {
  return bytesField(1, message(fields))
}

/** Source: protobuf `struct.proto`, `Value`. */
function parameterField(value: HyperParameter): Field {
  if (typeof value === "number") return doubleField(2, value)
  return typeof value === "boolean" ? varintField(4, value ? 1 : 0) : bytesField(3, value)
}
