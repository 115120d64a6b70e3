import { existsSync } from "node:fs"
import { selfCheck, type WeightEntry } from "@lllite/core"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { startBackend } from "../backends/start.ts"

/** The software driver that Debian's chromium brings. */
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json"

describe("the backend webgpu", () => {
  beforeEach(() => vi.stubEnv("VK_ICD_FILENAMES", process.env.VK_ICD_FILENAMES ?? SWIFTSHADER))
  afterEach(() => vi.unstubAllEnvs())

  it.skipIf(!existsSync(SWIFTSHADER))("computes and differentiates where a driver is named", async () => {
    const { backend, ops, version, device } = await startBackend("webgpu")
    expect({ backend, device }).toEqual({ backend: "webgpu", device: "CPU" })
    expect(version).toMatch(/^WebGPU ./)
    await selfCheck(ops)
  })

  it.skipIf(!existsSync(SWIFTSHADER))("rounds float32 weights when asked to", async () => {
    const values = Float32Array.from({ length: 8 }, (_, i) => i / 4)
    const weight: WeightEntry = {
      ...{ name: "weight", dtype: "F32", shape: [2, 4] },
      read: async () => new Uint8Array(values.buffer.slice(0)),
    }
    const sizes = []
    for (const weights of ["file", "float16", "bfloat16"] as const) {
      const { ops } = await startBackend("webgpu", { weights })
      const linear = await ops.load.linear(weight, null)
      sizes.push(linear.bytes)
      linear.dispose()
    }
    expect(sizes).toEqual([32, 16, 16])
  })

  it("takes no precision, and says which backend does", async () => {
    await expect(startBackend("webgpu", { precision: "bfloat16" })).rejects.toThrow(/needs the backend "tensorflow"/)
    await expect(startBackend("wasm", { weights: "float16" })).rejects.toThrow(
      /weights "float16" needs the backend "tensorflow" or "webgpu", and this is "wasm"/,
    )
  })
})
