import { describe, expect, it } from "vitest"
import { offersFloat16 } from "./offers-float16.ts"

const gpuWith = (...features: readonly string[]) => ({ requestAdapter: async () => ({ features: new Set(features) }) })

describe("float16 in a browser", () => {
  it("is offered where the adapter has it", async () => {
    expect(await offersFloat16(gpuWith("shader-f16", "timestamp-query"))).toBe(true)
    expect(await offersFloat16(gpuWith("subgroups", "chromium-experimental-subgroup-matrix"))).toBe(false)
  })

  it("is not offered without WebGPU, without an adapter, and where the browser refuses one", async () => {
    expect(await offersFloat16(undefined)).toBe(false)
    expect(await offersFloat16({ requestAdapter: async () => null })).toBe(false)
    expect(await offersFloat16({ requestAdapter: () => Promise.reject(new Error("no")) })).toBe(false)
  })
})
