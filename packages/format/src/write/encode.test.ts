import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { FloatDtype } from "../safetensors/dtype.ts"
import { DTYPE_BITS, toFloat32 } from "../safetensors/dtype.ts"
import {
  countOverflow,
  float32BitsToBfloat16,
  float32BitsToFloat8E4M3,
  float32BitsToFloat8E5M2,
  float32BitsToFloat16,
  float64ToOddFloat32,
  fromFloat32,
} from "./encode.ts"

const view = new DataView(new ArrayBuffer(4))

function floatOf(bits: number): number {
  view.setUint32(0, bits)
  return view.getFloat32(0)
}

function bitsOf(value: number): number {
  view.setFloat32(0, value)
  return view.getUint32(0)
}

/** The definition of a small float: sign, exponent with bias, mantissa; written as arithmetic, not as bits. */
function smallFloat(bits: number, exponentBits: number, mantissaBits: number): number {
  const bias = 2 ** (exponentBits - 1) - 1
  const sign = bits >> (exponentBits + mantissaBits) === 0 ? 1 : -1
  const exponent = (bits >> mantissaBits) % 2 ** exponentBits
  const fraction = (bits % 2 ** mantissaBits) / 2 ** mantissaBits
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0 ? sign * 2 ** (1 - bias) * fraction : sign * 2 ** (exponent - bias) * (1 + fraction)
}

const halfFormats = [
  { dtype: "F16", exponentBits: 5, mantissaBits: 10, encode: float32BitsToFloat16 },
  { dtype: "BF16", exponentBits: 8, mantissaBits: 7, encode: float32BitsToBfloat16 },
] as const

describe.each(halfFormats)("$dtype", ({ dtype, exponentBits, mantissaBits, encode }) => {
  const all = Array.from({ length: 65536 }, (_, bits) => bits)
  const decoded = toFloat32(new Uint8Array(Uint16Array.from(all).buffer), dtype)
  const decodedBits = new Uint32Array(decoded.buffer)

  it("decodes each of the 65536 patterns to its defined value", () => {
    const wrong = all.filter((bits) => !Object.is(decoded[bits], smallFloat(bits, exponentBits, mantissaBits)))
    expect(wrong).toEqual([])
  })

  it("encodes each decoded pattern back to itself, NaN payloads too", () => {
    expect(all.filter((bits) => encode(decodedBits[bits] as number) !== bits)).toEqual([])
  })

  it("rounds to the nearest value, ties to even", () => {
    // Non-negative finite values in ascending order are the patterns in ascending order.
    const infinity = (2 ** exponentBits - 1) * 2 ** mantissaBits
    const nextAfterLargest = 2 ** (2 ** (exponentBits - 1))
    const magnitude = (bits: number): number =>
      bits === infinity ? nextAfterLargest : smallFloat(bits, exponentBits, mantissaBits)
    const nearest = (value: number): number => {
      let low = 0
      let high = infinity
      while (high - low > 1) {
        const middle = (low + high) >> 1
        if (magnitude(middle) <= value) low = middle
        else high = middle
      }
      const below = value - magnitude(low)
      const above = magnitude(high) - value
      if (below !== above) return below < above ? low : high
      return low % 2 === 0 ? low : high
    }
    const check = (value: number): void => {
      const sign = Object.is(Math.sign(value), -0) || value < 0 ? 0x8000 : 0
      expect(encode(bitsOf(value))).toBe(sign | nearest(Math.abs(value)))
    }
    // Every tie, and its float32 neighbours on both sides.
    for (let bits = 0; bits < infinity; bits += 37) {
      const tie = (magnitude(bits) + magnitude(bits + 1)) / 2
      if (Math.fround(tie) !== tie || tie > 3.4e38) continue
      for (const nudge of [-1, 0, 1]) check(floatOf(bitsOf(tie) + nudge))
    }
    fc.assert(fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), check), { numRuns: 5000 })
  })

  it("keeps infinities, and NaN whose payload is cut", () => {
    const infinity = (2 ** exponentBits - 1) * 2 ** mantissaBits
    expect(encode(0x7f800000)).toBe(infinity)
    expect(encode(0xff800000)).toBe(0x8000 | infinity)
    expect(smallFloat(encode(0x7f800001), exponentBits, mantissaBits)).toBeNaN()
    expect(smallFloat(encode(0xffffffff), exponentBits, mantissaBits)).toBeNaN()
  })
})

describe("float8", () => {
  const every = Uint8Array.from({ length: 256 }, (_, bits) => bits)

  it("decodes each E4M3 pattern: the definition, but without infinities and with NaN only at the very top", () => {
    for (const [bits, value] of toFloat32(every, "F8_E4M3").entries()) {
      const top = (bits & 0x78) === 0x78
      const sign = bits < 128 ? 1 : -1
      if ((bits & 0x7f) === 0x7f) expect(value).toBeNaN()
      else expect(value).toBe(top ? sign * 256 * (1 + (bits & 7) / 8) : smallFloat(bits, 4, 3))
    }
    expect([...toFloat32(Uint8Array.of(0x7e), "F8_E4M3")]).toEqual([448])
  })

  it("decodes each E5M2 pattern", () => {
    expect([...toFloat32(every, "F8_E5M2")]).toEqual([...every].map((bits) => smallFloat(bits, 5, 2)))
  })
})

const float8Formats = [
  { dtype: "F8_E4M3", encode: float32BitsToFloat8E4M3, overflow: 0x7f, largest: 0x7e, next: 480 },
  { dtype: "F8_E5M2", encode: float32BitsToFloat8E5M2, overflow: 0x7c, largest: 0x7b, next: 65536 },
] as const

describe.each(float8Formats)("encoding $dtype", ({ dtype, encode, overflow, largest, next }) => {
  const decoded = toFloat32(
    Uint8Array.from({ length: 256 }, (_, bits) => bits),
    dtype,
  )
  const magnitude = (bits: number): number => (bits > largest ? next : (decoded[bits] as number))

  it("encodes each decoded pattern back to itself", () => {
    const float32Bits = new Uint32Array(decoded.buffer)
    for (let bits = 0; bits < 256; bits++) expect(encode(float32Bits[bits] as number)).toBe(bits)
  })

  it("rounds to the nearest value, ties to even, and overflows as PyTorch does", () => {
    const check = (value: number): void => {
      const size = Math.min(Math.abs(value), next)
      let best = 0
      for (let bits = 1; bits <= largest + 1; bits++) {
        const closer = Math.abs(magnitude(bits) - size) - Math.abs(magnitude(best) - size)
        if (closer < 0 || (closer === 0 && bits % 2 === 0)) best = bits
      }
      const sign = value < 0 || Object.is(value, -0) ? 0x80 : 0
      expect(encode(bitsOf(value))).toBe(sign | (best > largest ? overflow : best))
    }
    for (let bits = 0; bits <= largest; bits++) {
      const tie = (magnitude(bits) + magnitude(bits + 1)) / 2
      for (const nudge of [-1, 0, 1]) check(floatOf(bitsOf(tie) + nudge))
    }
    fc.assert(fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), check), { numRuns: 2000 })
    fc.assert(fc.property(fc.float({ noNaN: true, min: -Math.fround(next), max: Math.fround(next) }), check), {
      numRuns: 2000,
    })
  })

  it("keeps NaN, and makes of infinity what it can hold", () => {
    for (const nan of [0x7f800001, 0x7fc00000, 0xffffffff]) {
      expect(toFloat32(Uint8Array.of(encode(nan)), dtype)[0]).toBeNaN()
    }
    expect(encode(0x7f800000)).toBe(overflow)
    expect(encode(0xff800000)).toBe(0x80 | overflow)
  })
})

describe("fromFloat32 and toFloat32", () => {
  const values = [0, -0, 1, -2.5, 65504, 2 ** -24, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]

  it.each(["F64", "F32", "F16"] satisfies FloatDtype[])("keep what %s can hold", (dtype) => {
    const bytes = fromFloat32(Float32Array.from(values), dtype)
    expect(bytes.byteLength).toBe((values.length * DTYPE_BITS[dtype]) / 8)
    expect([...toFloat32(bytes, dtype)]).toEqual(values)
  })

  it("write little-endian", () => {
    const one = Float32Array.of(1)
    expect([...fromFloat32(one, "F32")]).toEqual([0, 0, 0x80, 0x3f])
    expect([...fromFloat32(one, "F16")]).toEqual([0, 0x3c])
    expect([...fromFloat32(one, "BF16")]).toEqual([0x80, 0x3f])
    expect([...fromFloat32(one, "F64")]).toEqual([0, 0, 0, 0, 0, 0, 0xf0, 0x3f])
  })

  it("round-trip any float32 through F32 and F64, NaN payloads through F32 too", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 64 }), (bytes) => {
        const whole = bytes.subarray(0, bytes.byteLength - (bytes.byteLength % 4))
        const floats = toFloat32(whole, "F32")
        expect(fromFloat32(floats, "F32")).toEqual(new Uint8Array(whole))
        expect(toFloat32(fromFloat32(floats, "F64"), "F64")).toEqual(floats)
      }),
    )
  })

  it("read bytes that are not aligned, and return new arrays", () => {
    const bytes = new Uint8Array([9, ...fromFloat32(Float32Array.of(1, 2), "F32")]).subarray(1)
    const floats = toFloat32(bytes, "F32")
    bytes.fill(0)
    expect([...floats]).toEqual([1, 2])
    const half = new Uint8Array([9, ...fromFloat32(floats.subarray(1), "F16")]).subarray(1)
    expect([...toFloat32(half, "F16")]).toEqual([2])
    expect(fromFloat32(floats, "F32").buffer).not.toBe(floats.buffer)
  })

  it("refuse to write what is not a float dtype", () => {
    expect(() => fromFloat32(Float32Array.of(1), "I32" as FloatDtype)).toThrow(
      expect.objectContaining({ code: "dtype-unsupported" }),
    )
  })
})

describe("float64ToOddFloat32", () => {
  const odd = (value: number): number => float64ToOddFloat32(new Uint8Array(Float64Array.of(value).buffer))[0] as number

  it.each([
    ["an exact value stays", 1.5, 1.5],
    ["a little above 1 gets the last bit", 1 + 2 ** -40, 1 + 2 ** -23],
    ["what would be rounded up to even is cut", 1 + 2 ** -22 - 2 ** -40, 1 + 2 ** -23],
    ["what would be rounded up to odd is cut, and gets the last bit", 1 + 2 ** -23 - 2 ** -40, 1 + 2 ** -23],
    ["what is cut to odd stays", 1 + 2 ** -23 + 2 ** -40, 1 + 2 ** -23],
    ["the sign changes nothing", -1 - 2 ** -22 + 2 ** -40, -1 - 2 ** -23],
    ["a large value does not become infinite", 1e300, (2 - 2 ** -23) * 2 ** 127],
    ["a large negative value neither", -1e300, -(2 - 2 ** -23) * 2 ** 127],
    ["a tiny value does not become 0", 1e-60, 2 ** -149],
    ["infinity stays", Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
    ["0 keeps its sign", -0, -0],
    ["NaN stays", Number.NaN, Number.NaN],
  ])("%s", (_, value, expected) => {
    expect(odd(value)).toBe(expected)
  })

  it("then rounds to float16 as in one step", () => {
    // Between 1 and the next float16, a little above the half: by way of the nearest float32 it would become 1.
    const value = 1 + 2 ** -11 + 2 ** -40
    expect(float32BitsToFloat16(bitsOf(value))).toBe(0x3c00)
    expect(float32BitsToFloat16(bitsOf(odd(value)))).toBe(0x3c01)
  })
})

describe("countOverflow", () => {
  it("counts exactly the finite values that come out infinite", () => {
    const anyFloatDtype = fc.constantFrom<FloatDtype>("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")
    fc.assert(
      fc.property(anyFloatDtype, fc.float32Array(), (dtype, values) => {
        const written = toFloat32(fromFloat32(values, dtype), dtype)
        const expected = values.reduce((count, value, i) => {
          return count + (Number.isFinite(value) && !Number.isFinite(written[i]) ? 1 : 0)
        }, 0)
        expect(countOverflow(values, dtype)).toBe(expected)
      }),
    )
    expect(countOverflow(Float32Array.of(65519.99, 65520, -65520, 70000, Number.POSITIVE_INFINITY), "F16")).toBe(3)
    const largestBfloat16 = floatOf(0x7f7f0000)
    expect(countOverflow(Float32Array.of(largestBfloat16, floatOf(0x7f7f7fff), floatOf(0x7f7f8000)), "BF16")).toBe(1)
    expect(countOverflow(Float32Array.of(448, 464, -464.0001, 480), "F8_E4M3")).toBe(2)
    expect(countOverflow(Float32Array.of(57344, 61439.9, 61440), "F8_E5M2")).toBe(1)
  })
})
