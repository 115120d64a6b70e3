import { describe, expect, it } from "vitest"
import { offersFloat16 } from "./offers-float16.ts"

const gpuWith = (...features: readonly string[]) => ({ requestAdapter: async () => ({ features: new Set(features) }) })
const ALL = ["shader-f16", "subgroups", "chromium-experimental-subgroup-matrix"] as const

describe("float16 in a browser", () => {
  it("is offered where the adapter has float16 and subgroup matrices", async () => {
    expect(await offersFloat16(gpuWith(...ALL, "timestamp-query"))).toBe(true)
    for (const missing of ALL) expect(await offersFloat16(gpuWith(...ALL.filter((one) => one !== missing)))).toBe(false)
  })

  it("is not offered without WebGPU, without an adapter, and where the browser refuses one", async () => {
    expect(await offersFloat16(undefined)).toBe(false)
    expect(await offersFloat16({ requestAdapter: async () => null })).toBe(false)
    expect(await offersFloat16({ requestAdapter: () => Promise.reject(new Error("no")) })).toBe(false)
  })
})
