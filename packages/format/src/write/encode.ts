import { expectArgument } from "../argument.ts"
import type { Bytes, Floats } from "../arrays.ts"
import { FormatError } from "../errors.ts"
import type { FloatDtype } from "../safetensors/dtype.ts"
import { FLOAT_DTYPE_TEXT, hostIsLittleEndian, inHostOrder, reverseElements } from "../safetensors/dtype.ts"

/**
 * Encodes float32 values as little-endian bytes, rounded to nearest, ties to even. A value that is too large becomes
 * infinity, or NaN in F8_E4M3, which has no infinity. As in PyTorch, no value is saturated. {@link countOverflow} finds
 * such values beforehand. NaN stays NaN, with as much of its payload as fits.
 *
 * @throws FormatError `dtype-unsupported` for any dtype but F64, F32, F16, BF16, F8_E4M3, F8_E5M2
 */
export function fromFloat32(values: Float32Array, dtype: FloatDtype): Bytes {
  expectValues(values)
  switch (dtype) {
    case "F64":
      return inFileOrder(new Float64Array(values))
    case "F32":
      return inFileOrder(new Float32Array(values))
    case "F16":
      return inFileOrder(narrowToFloat16(values))
    case "BF16":
      return inFileOrder(narrowToBfloat16(values))
    case "F8_E4M3":
      return narrowToFloat8(values, float32BitsToFloat8E4M3)
    case "F8_E5M2":
      return narrowToFloat8(values, float32BitsToFloat8E5M2)
    default:
      throw new FormatError(
        "dtype-unsupported",
        `cannot write float32 values as ${String(dtype)}; expected ${FLOAT_DTYPE_TEXT}`,
      )
  }
}

// Half way from the largest finite value to the one that would come next, from where on values are lost. In E4M3 the
// tie itself rounds down, since its largest value has an even mantissa.
const OVERFLOW_LIMIT: Readonly<Record<FloatDtype, number>> = {
  F64: Number.POSITIVE_INFINITY,
  F32: Number.POSITIVE_INFINITY,
  F16: 65520,
  BF16: (2 - 2 ** -8) * 2 ** 127,
  F8_E4M3: 464 + 2 ** -15,
  F8_E5M2: 61440,
}

/**
 * Decodes F64 into float32 by rounding to odd: an inexact value is cut, and its last bit is set. A second rounding, to a
 * float of at most 22 bits, then gives the same as rounding the float64 directly. Rounding twice to nearest does not.
 * No value becomes infinite.
 * Source: Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", 2008, theorem 3.
 */
export function float64ToOddFloat32(bytes: Uint8Array): Floats {
  const values = new Float64Array(inHostOrder(bytes, 8))
  const rounded = new Float32Array(values)
  const bits = new Uint32Array(rounded.buffer)
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    const nearest = rounded[i] as number
    if (nearest === value || Number.isNaN(value)) continue
    const cut = (bits[i] as number) - (Math.abs(nearest) > Math.abs(value) ? 1 : 0)
    bits[i] = cut | 1
  }
  return rounded
}

/** The number of finite values that {@link fromFloat32} would turn into infinity or NaN. */
export function countOverflow(values: Float32Array, dtype: FloatDtype): number {
  expectValues(values)
  const limit = OVERFLOW_LIMIT[dtype]
  if (limit === Number.POSITIVE_INFINITY) return 0
  let count = 0
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i] as number)
    if (magnitude >= limit && magnitude !== Number.POSITIVE_INFINITY) count++
  }
  return count
}

/** Bits of a float32 to the bits of the nearest float16, ties to even. */
export function float32BitsToFloat16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) {
    // A NaN stays a NaN, even if its whole payload is in the removed bits.
    const payload = (magnitude >>> 13) & 0x3ff
    return sign | 0x7c00 | (payload === 0 ? 0x200 : payload)
  }
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude >= 0x38800000) {
    const rebiased = magnitude - 0x38000000
    return sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13)
  }
  if (magnitude <= 0x33000000) return sign
  const mantissa = (magnitude & 0x7fffff) | 0x800000
  const shift = 126 - (magnitude >>> 23)
  const kept = mantissa >>> shift
  const rest = mantissa & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  const up = rest > half || (rest === half && (kept & 1) === 1)
  return sign | (kept + (up ? 1 : 0))
}

/** Bits of a float32 to the bits of the nearest bfloat16, ties to even. */
export function float32BitsToBfloat16(bits: number): number {
  const upper = bits >>> 16
  if ((bits & 0x7fffffff) > 0x7f800000) return (upper & 0x7f) === 0 ? upper | 0x40 : upper
  return ((bits + 0x7fff + (upper & 1)) >>> 16) & 0xffff
}

/** Bits of a float32 to the bits of the nearest float8 E4M3, ties to even. Above 464, and for infinity, NaN. */
export function float32BitsToFloat8E4M3(bits: number): number {
  const sign = (bits >>> 24) & 0x80
  // Infinity and NaN come out far above the largest value, too.
  return sign | Math.min(0x7f, roundToFloat8(bits & 0x7fffffff, 3, 121))
}

/** Bits of a float32 to the bits of the nearest float8 E5M2, ties to even. From 61440 on infinity. */
export function float32BitsToFloat8E5M2(bits: number): number {
  const sign = (bits >>> 24) & 0x80
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) {
    const payload = (magnitude >>> 21) & 3
    return sign | 0x7c | (payload === 0 ? 2 : payload)
  }
  return sign | Math.min(0x7c, roundToFloat8(magnitude, 2, 113))
}

/**
 * A float32's magnitude as a float8's, as if that had exponents without end.
 *
 * @param smallestNormal the float32 exponent field of the float8's smallest normal value
 */
function roundToFloat8(magnitude: number, mantissaBits: number, smallestNormal: number): number {
  const exponent = magnitude >>> 23
  const below = Math.max(0, smallestNormal - exponent)
  const cut = 23 - mantissaBits + below
  // Less than half of the smallest subnormal.
  if (cut > 24) return 0
  const exact = below === 0 ? magnitude - ((smallestNormal - 1) << 23) : (magnitude & 0x7fffff) | 0x800000
  return (exact + (1 << (cut - 1)) - 1 + ((exact >>> cut) & 1)) >>> cut
}

// Bits go from integer view to integer view: as a JS number a signalling NaN could come back quiet. The 16-bit formats
// have their own loops, because one loop that calls a function it is given runs at about half the speed.

function narrowToFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = bitsOf(values)
  const out = new Uint16Array(bits.length)
  for (let i = 0; i < bits.length; i++) out[i] = float32BitsToFloat16(bits[i] as number)
  return out
}

function narrowToBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = bitsOf(values)
  const out = new Uint16Array(bits.length)
  for (let i = 0; i < bits.length; i++) out[i] = float32BitsToBfloat16(bits[i] as number)
  return out
}

function narrowToFloat8(values: Float32Array, encode: (bits: number) => number): Bytes {
  const bits = bitsOf(values)
  const out = new Uint8Array(bits.length)
  for (let i = 0; i < bits.length; i++) out[i] = encode(bits[i] as number)
  return out
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length)
}

function inFileOrder(elements: Float64Array | Float32Array | Uint16Array): Bytes {
  const bytes = new Uint8Array(elements.buffer as ArrayBuffer)
  if (!hostIsLittleEndian()) reverseElements(bytes, elements.BYTES_PER_ELEMENT)
  return bytes
}

function expectValues(values: unknown): void {
  expectArgument(values instanceof Float32Array, "the values", values, "a Float32Array")
}
