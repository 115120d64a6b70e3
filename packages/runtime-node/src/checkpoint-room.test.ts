import type { WeightFile } from "@lllite/core/models"
import type { Dtype } from "@lllite/format"
import { describe, expect, it } from "vitest"
import { expectRoom, weightBytes } from "./checkpoint-room.ts"

const GIB = 2 ** 30
/** A checkpoint of as many parameters as SDXL has, roughly. */
const file = (dtype: Dtype): WeightFile => ({
  label: "sdxl.safetensors",
  entries: new Map([["w", { name: "w", dtype, shape: [3.5 * GIB], read: async () => new Uint8Array() }]]),
})
const tensorflow = { backend: "tensorflow", device: "CPU", weights: "file", threads: 1 } as const
const wasm = { ...tensorflow, backend: "wasm" } as const

describe("weightBytes", () => {
  it("is what the backend holds: the file's own width, a rounded one, or float32", () => {
    expect(weightBytes(file("BF16"), tensorflow)).toBe(7 * GIB)
    expect(weightBytes(file("F32"), tensorflow)).toBe(14 * GIB)
    expect(weightBytes(file("F32"), { ...tensorflow, weights: "bfloat16" })).toBe(7 * GIB)
    expect(weightBytes(file("F16"), wasm)).toBe(14 * GIB)
  })
})

describe("expectRoom", () => {
  it("lets through what fits, and what a GPU may have room for", () => {
    expect(() => expectRoom(file("F16"), tensorflow, 8 * GIB)).not.toThrow()
    expect(() => expectRoom(file("F32"), { ...tensorflow, device: "GPU" }, GIB)).not.toThrow()
  })

  it("gives the figures and the way out", () => {
    expect(() => expectRoom(file("F32"), tensorflow, 8 * GIB)).toThrow(
      '"sdxl.safetensors": its weights take 14.0 GiB on tensorflow, and 8.0 GiB is free. ' +
        "Rounded to 16 bits they take 7.0 GiB.",
    )
    expect(() => expectRoom(file("F16"), tensorflow, 6 * GIB)).toThrow("Close other programs")
    expect(() => expectRoom(file("F16"), wasm, 64 * GIB)).toThrow(
      /14\.0 GiB on wasm, and 4\.0 GiB is all that wasm can address\. .*On tensorflow they take 7\.0 GiB in 16 bits/,
    )
  })

  it("counts every thread's copy", () => {
    expect(() => expectRoom(file("F16"), { ...wasm, backend: "cpu", threads: 2 }, 20 * GIB)).toThrow(
      "28.0 GiB on cpu in 2 threads, and 20.0 GiB is free",
    )
  })
})
