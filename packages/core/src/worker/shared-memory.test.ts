import { describe, expect, it } from "vitest"
import { shareArrays, shareUnshared } from "./shared-memory.ts"

describe("shareArrays", () => {
  it("copies arrays at every depth into memory that all threads can read", () => {
    const floats = Float32Array.of(1, -0, Number.NaN)
    const bytes = new Uint8Array([9, 1, 2, 3]).subarray(1)
    const value = { name: "one", parts: [{ floats }, { bytes }] }
    const shared = shareArrays(value)
    expect(shared).toEqual(value)
    for (const array of [shared.parts[0]?.floats, shared.parts[1]?.bytes]) {
      expect(array?.buffer).toBeInstanceOf(SharedArrayBuffer)
    }
    // Only the values that the view shows are copied.
    expect(shared.parts[1]?.bytes?.buffer.byteLength).toBe(3)
  })

  it("leaves the caller's arrays and objects as they are", () => {
    const floats = Float32Array.of(1, 2)
    const value = { floats, other: { kept: true } }
    const shared = shareArrays(value)
    shared.floats[0] = 7
    expect(floats[0]).toBe(1)
    expect(value.floats).toBe(floats)
    expect(shared.other).toBe(value.other)
  })

  it.each([
    ["a number", 3],
    ["text", "a red star"],
    ["nothing", null],
    ["plain data", { list: [1, { name: "a" }], none: null }],
    ["a map, which would lose its class", new Map([["a", Float32Array.of(1)]])],
    ["other arrays", Int32Array.of(1)],
  ])("returns %s unchanged", (_, value) => {
    expect(shareArrays(value)).toBe(value)
  })

  it("copies shared arrays too, and shareUnshared does not", () => {
    const value = shareArrays({ floats: Float32Array.of(1) })
    expect(shareArrays(value).floats).not.toBe(value.floats)
    expect(shareUnshared(value)).toBe(value)
    expect(shareUnshared({ floats: Float32Array.of(1) }).floats.buffer).toBeInstanceOf(SharedArrayBuffer)
  })
})
