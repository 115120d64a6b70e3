import { expectArgument } from "../argument.ts"
import type { Floats } from "../arrays.ts"
import type { FormatErrorPlace } from "../errors.ts"
import { FormatError } from "../errors.ts"

/**
 * Bits per element of every dtype of the safetensors specification.
 * Source: huggingface/safetensors, `safetensors/src/tensor.rs` (`Dtype::bitsize`).
 */
export const DTYPE_BITS = Object.freeze({
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const)

/** A dtype as safetensors spells it. */
export type Dtype = keyof typeof DTYPE_BITS

/** The dtypes whose values are read and written as float32. */
export type FloatDtype = "F64" | "F32" | "F16" | "BF16" | "F8_E4M3" | "F8_E5M2"

/** Whether a name is a safetensors dtype. `constructor` and its like are not. */
export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(DTYPE_BITS, name)
}

const FLOAT_DTYPES: readonly Dtype[] = ["F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"] satisfies FloatDtype[]

/** {@link FloatDtype}, for messages. */
export const FLOAT_DTYPE_TEXT = "F64, F32, F16, BF16, F8_E4M3 or F8_E5M2"

/** Whether {@link toFloat32} can read this dtype. */
export function isReadableDtype(dtype: Dtype): dtype is FloatDtype {
  return FLOAT_DTYPES.includes(dtype)
}

/**
 * Refuses a dtype whose values are not read.
 *
 * @throws FormatError `dtype-unsupported`
 */
export function checkReadable(dtype: Dtype, place?: FormatErrorPlace): asserts dtype is FloatDtype {
  if (isReadableDtype(dtype)) return
  const what = `${dtype} is not read as float32, expected ${FLOAT_DTYPE_TEXT}. Read raw bytes instead.`
  throw new FormatError("dtype-unsupported", what, place)
}

/**
 * Decodes little-endian elements into a fresh Float32Array. F16, BF16 and both F8 are exact, and NaN keeps its payload;
 * F64 is rounded to the nearest float32.
 *
 * @throws FormatError `dtype-unsupported` for integers and the rarer float formats, `size-mismatch` when `bytes` is
 * not a whole number of elements
 */
export function toFloat32(bytes: Uint8Array, dtype: Dtype): Floats {
  expectArgument(bytes instanceof Uint8Array, "the bytes", bytes, "a Uint8Array")
  checkReadable(dtype)
  const width = DTYPE_BITS[dtype] / 8
  if (bytes.byteLength % width !== 0) {
    throw new FormatError("size-mismatch", `${bytes.byteLength} bytes are not a whole number of ${dtype} elements`)
  }
  switch (dtype) {
    case "F64":
      return new Float32Array(new Float64Array(inHostOrder(bytes, 8)))
    case "F32":
      return new Float32Array(inHostOrder(bytes, 4))
    case "F16":
      return widen(asUint16(bytes), 10, 15, 0x7c00)
    case "BF16":
      return widenBfloat16(asUint16(bytes))
    case "F8_E4M3":
      return widen(bytes, 3, 7, 0x7f)
    case "F8_E5M2":
      return widen(bytes, 2, 15, 0x7c)
  }
}

/**
 * Elements of a float with fewer exponents than float32, from their bits to a float32's. Nothing is computed as a
 * number in between: as one, a signalling NaN could come back quiet.
 *
 * @param bias the exponent field of 1
 * @param special magnitude from which on it is infinity or NaN. E4M3 ("fn") has no infinities and one NaN.
 */
function widen(elements: Uint8Array | Uint16Array, mantissaBits: number, bias: number, special: number): Floats {
  const signBit = 8 * elements.BYTES_PER_ELEMENT - 1
  const shift = 23 - mantissaBits
  const rebias = (127 - bias) << 23
  const bits = new Uint32Array(elements.length)
  for (let i = 0; i < bits.length; i++) {
    const element = elements[i] as number
    const sign = (element >>> signBit) << 31
    const magnitude = element & ((1 << signBit) - 1)
    if (magnitude === 0) bits[i] = sign
    else if (magnitude >= special) bits[i] = sign | 0x7f800000 | (magnitude << shift)
    else {
      // A subnormal is shifted until its leading bit is the implicit one.
      const zeros = Math.max(0, Math.clz32(magnitude) + mantissaBits - 31)
      bits[i] = sign | ((magnitude << (shift + zeros)) + rebias - (zeros << 23))
    }
  }
  return new Float32Array(bits.buffer)
}

/** A bfloat16 is the upper half of a float32. */
function widenBfloat16(elements: Uint16Array): Floats {
  const bits = new Uint32Array(elements.length)
  for (let i = 0; i < bits.length; i++) bits[i] = (elements[i] as number) << 16
  return new Float32Array(bits.buffer)
}

/** The elements in place where alignment and host allow it, otherwise a copy. */
function asUint16(bytes: Uint8Array): Uint16Array {
  if (bytes.byteOffset % 2 !== 0 || !hostIsLittleEndian()) return new Uint16Array(inHostOrder(bytes, 2))
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2)
}

/** A copy of little-endian elements in the order of this machine. */
export function inHostOrder(bytes: Uint8Array, width: number): ArrayBuffer {
  const copy = new Uint8Array(bytes)
  if (!hostIsLittleEndian()) reverseElements(copy, width)
  return copy.buffer
}

/** Whether this machine stores numbers as the files do. */
export function hostIsLittleEndian(): boolean {
  return new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
}

/** Reverses the bytes of every element in place: little-endian to big-endian and back. */
export function reverseElements(bytes: Uint8Array, width: number): void {
  for (let start = 0; start < bytes.byteLength; start += width) bytes.subarray(start, start + width).reverse()
}
