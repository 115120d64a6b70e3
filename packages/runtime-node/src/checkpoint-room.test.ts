import type { WeightFile } from "@lllite/core/models"
import type { Dtype } from "@lllite/format"
import { describe, expect, it } from "vitest"
import { expectRoom, weightBytes } from "./checkpoint-room.ts"

const GIB = 2 ** 30
/** A checkpoint with roughly as many parameters as SDXL. */
const file = (dtype: Dtype): WeightFile => ({
  label: "sdxl.safetensors",
  entries: new Map([["w", { name: "w", dtype, shape: [3.5 * GIB], read: async () => new Uint8Array() }]]),
})
const tensorflow = { backend: "tensorflow", device: "CPU", weights: "file", threads: 1 } as const
const wasm = { ...tensorflow, backend: "wasm" } as const

describe("weightBytes", () => {
  it("counts the width that the backend holds: the file's, a rounded one, or float32", () => {
    expect(weightBytes(file("BF16"), tensorflow)).toBe(7 * GIB)
    expect(weightBytes(file("F32"), tensorflow)).toBe(14 * GIB)
    expect(weightBytes(file("F32"), { ...tensorflow, weights: "BF16" })).toBe(7 * GIB)
    expect(weightBytes(file("F16"), wasm)).toBe(14 * GIB)
  })
})

describe("expectRoom", () => {
  it("accepts a checkpoint that fits, and every checkpoint on a GPU", () => {
    expect(() => expectRoom(file("F16"), tensorflow, 8 * GIB)).not.toThrow()
    expect(() => expectRoom(file("F32"), { ...tensorflow, device: "GPU" }, GIB)).not.toThrow()
  })

  it("refuses with the figures and advice", () => {
    expect(() => expectRoom(file("F32"), tensorflow, 8 * GIB)).toThrow(
      '"sdxl.safetensors": its weights need 14.0 GiB on tensorflow, and 8.0 GiB is free. ' +
        'Rounded to 16 bits they need 7.0 GiB. Choose the weights "F16".',
    )
    expect(() => expectRoom(file("F16"), tensorflow, 6 * GIB)).toThrow("Close other programs")
    expect(() => expectRoom(file("F16"), wasm, 64 * GIB)).toThrow(
      /14\.0 GiB on wasm, and wasm can address only 4\.0 GiB\. .*On tensorflow they need 7\.0 GiB in 16 bits/,
    )
  })

  it("counts every thread's copy", () => {
    expect(() => expectRoom(file("F16"), { ...wasm, backend: "cpu", threads: 2 }, 20 * GIB)).toThrow(
      "28.0 GiB on cpu in 2 threads, and 20.0 GiB is free",
    )
  })
})
