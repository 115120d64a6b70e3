import { InputError } from "../errors.ts"

/** An array of numbers as numpy keeps it, row-major. */
export interface NumpyArray {
  readonly shape: readonly number[]
  readonly values: Float32Array | Float64Array | Uint8Array | Int32Array | BigInt64Array
}

/** The first bytes of every array of numpy. */
const MAGIC = "\x93NUMPY"
/** The most bytes of a header. That of an array of numbers has about 120. */
const MOST_HEADER = 4096

type Values = NumpyArray["values"]

/** The types that are read, by numpy's name without the order of bytes. Half floats become Float32Array. */
const TYPES: Readonly<
  Record<string, { readonly width: number; read(data: DataView, count: number, little: boolean): Values }>
> = {
  f2: {
    width: 2,
    read: (data, count, little) => each(Float32Array, count, (i) => half(data.getUint16(2 * i, little))),
  },
  f4: { width: 4, read: (data, count, little) => each(Float32Array, count, (i) => data.getFloat32(4 * i, little)) },
  f8: { width: 8, read: (data, count, little) => each(Float64Array, count, (i) => data.getFloat64(8 * i, little)) },
  i4: { width: 4, read: (data, count, little) => each(Int32Array, count, (i) => data.getInt32(4 * i, little)) },
  i8: {
    width: 8,
    read(data, count, little) {
      const values = new BigInt64Array(count)
      for (let i = 0; i < count; i++) values[i] = data.getBigInt64(8 * i, little)
      return values
    },
  },
  u1: { width: 1, read: (data, count) => each(Uint8Array, count, (i) => data.getUint8(i)) },
}

/**
 * Reads an array of numpy: `.npy`, versions 1 to 3.
 *
 * Source: numpy `lib/format.py`.
 *
 * @param label names the array in errors
 * @throws InputError for other bytes, another type of numbers, column-major order, or a wrong length
 */
export function readNpy(bytes: Uint8Array, label: string): NumpyArray {
  const refuse = (what: string): never => {
    throw new InputError("array-file", `${label} is not an array of numpy that can be read: ${what}. Make it anew.`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 12 || MAGIC !== String.fromCharCode(...bytes.subarray(0, 6))) return refuse("it begins otherwise")
  const version = view.getUint8(6)
  if (version < 1 || version > 3) return refuse(`its version is ${version}, expected 1 to 3`)
  const start = version === 1 ? 10 : 12
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (length > MOST_HEADER || start + length > bytes.length) return refuse("its header is too long")
  const header = new TextDecoder("latin1").decode(bytes.subarray(start, start + length))
  const [, order = "", type = ""] = /'descr':\s*'([<>|=]?)(\w+)'/.exec(header) ?? []
  const [, fortran] = /'fortran_order':\s*(True|False)/.exec(header) ?? []
  const [, sides] = /'shape':\s*\(([\d,\s]*)\)/.exec(header) ?? []
  if (fortran === undefined || sides === undefined) return refuse("its header lacks the order or the shape")
  const shape = sides.split(",").flatMap((side) => (side.trim() === "" ? [] : [Number(side)]))
  const known = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined
  if (known === undefined)
    return refuse(`its numbers are ${type === "" ? "not named" : type}, expected ${Object.keys(TYPES).join(", ")}`)
  if (fortran === "True" && shape.length > 1) return refuse("its order is column-major")
  const count = shape.reduce((product, side) => product * side, 1)
  const data = bytes.subarray(start + length)
  if (!Number.isSafeInteger(count) || data.length !== count * known.width) {
    return refuse(`it has ${data.length} bytes of numbers, expected ${count * known.width} for (${shape.join(", ")})`)
  }
  const values = known.read(new DataView(data.buffer, data.byteOffset, data.byteLength), count, order !== ">")
  return { shape, values }
}

/** An array as the bytes of a `.npy` of version 1, in little-endian order. @throws RangeError when the shape does not fit */
export function writeNpy({ shape, values }: NumpyArray): Uint8Array {
  const count = shape.reduce((product, side) => product * side, 1)
  if (count !== values.length)
    throw new RangeError(`an array of (${shape.join(", ")}) has ${count} values, got ${values.length}`)
  const text = `{'descr': '${typeOf(values)}', 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`
  // The numbers begin at a multiple of 64 bytes.
  const padded = `${text.padEnd(Math.ceil((10 + text.length + 1) / 64) * 64 - 11)}\n`
  const bytes = new Uint8Array(10 + padded.length + values.byteLength)
  bytes.set(Uint8Array.from(MAGIC, (character) => character.charCodeAt(0)))
  const view = new DataView(bytes.buffer)
  view.setUint8(6, 1)
  view.setUint16(8, padded.length, true)
  bytes.set(new TextEncoder().encode(padded), 10)
  const at = 10 + padded.length
  const width = values.BYTES_PER_ELEMENT
  for (let i = 0; i < values.length; i++) putValue(view, at + width * i, values, i)
  return bytes
}

function typeOf(values: Values): string {
  if (values instanceof Float32Array) return "<f4"
  if (values instanceof Float64Array) return "<f8"
  if (values instanceof Int32Array) return "<i4"
  return values instanceof BigInt64Array ? "<i8" : "|u1"
}

function putValue(view: DataView, at: number, values: Values, i: number): void {
  if (values instanceof BigInt64Array) view.setBigInt64(at, values[i] as bigint, true)
  else if (values instanceof Float32Array) view.setFloat32(at, values[i] as number, true)
  else if (values instanceof Float64Array) view.setFloat64(at, values[i] as number, true)
  else if (values instanceof Int32Array) view.setInt32(at, values[i] as number, true)
  else view.setUint8(at, values[i] as number)
}

function each<T extends Float32Array | Float64Array | Uint8Array | Int32Array>(
  Kind: new (length: number) => T,
  count: number,
  value: (index: number) => number,
): T {
  const values = new Kind(count)
  for (let i = 0; i < count; i++) values[i] = value(i)
  return values
}

/** The number of sixteen bits. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
