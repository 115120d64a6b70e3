import { describe, expect, it } from "vitest"
import type { Dtype } from "./dtype.ts"
import { DTYPE_BITS, isDtype, reverseElements, toFloat32 } from "./dtype.ts"

describe("toFloat32 refuses", () => {
  it.each(["I64", "BOOL", "F4", "F8_E8M0", "C64"] satisfies Dtype[])("%s", (dtype) => {
    expect(() => toFloat32(new Uint8Array(8), dtype)).toThrow(expect.objectContaining({ code: "dtype-unsupported" }))
  })

  it("half an element", () => {
    expect(() => toFloat32(new Uint8Array(3), "F16")).toThrow(expect.objectContaining({ code: "size-mismatch" }))
  })
})

describe("isDtype", () => {
  it("knows the 22 names and nothing inherited", () => {
    expect(Object.keys(DTYPE_BITS).every(isDtype)).toBe(true)
    for (const name of ["constructor", "__proto__", "toString", "f32", "F128", ""]) expect(isDtype(name)).toBe(false)
  })
})

describe("reverseElements", () => {
  it("turns each element around, for hosts that are big-endian", () => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
    reverseElements(bytes, 4)
    expect([...bytes]).toEqual([4, 3, 2, 1, 8, 7, 6, 5])
  })
})
