import { toFloat32 } from "@lllite/format"
import { describe, expect, it } from "vitest"
import { madeUpEntries, madeUpSdxl } from "./made-up.ts"
import { inferUnetConfig, SDXL_UNET } from "./unet/config.ts"

describe("made-up weights", () => {
  const shapes = [
    ["a.weight", [300, 400]],
    ["a.bias", [300]],
    ["norm.weight", [300]],
  ] as const

  it("are scaled by their inputs, with biases near 0 and norms near 1", async () => {
    const entries = madeUpEntries(shapes, "F32")
    const spread = async (name: string): Promise<readonly [mean: number, most: number]> => {
      const entry = entries.get(name)
      if (entry === undefined) throw new Error(name)
      const values = toFloat32(await entry.read(), "F32")
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length
      return [mean, values.reduce((most, value) => Math.max(most, Math.abs(value - mean)), 0)]
    }
    const [mean, most] = await spread("a.weight")
    expect(mean).toBeCloseTo(0, 3)
    expect(most).toBeCloseTo(Math.sqrt(3 / 400), 3)
    const [bias] = await spread("a.bias")
    expect(Math.abs(bias)).toBeLessThan(0.02)
    const [norm] = await spread("norm.weight")
    expect(Math.abs(norm - 1)).toBeLessThan(0.02)
  })

  it("have the bytes of their dtype, alike in both ways of reading", async () => {
    for (const [dtype, bytes] of [
      ["F16", 2],
      ["BF16", 2],
      ["F32", 4],
    ] as const) {
      const entry = madeUpEntries(shapes, dtype).get("a.weight")
      const read = await entry?.read()
      expect(read?.byteLength).toBe(bytes * 300 * 400)
      const target = new Uint8Array(bytes * 300 * 400)
      await entry?.readInto?.(target)
      expect(target).toEqual(read)
    }
  })

  it("are an SDXL of real size", async () => {
    const { entries } = await madeUpSdxl("F16")
    let parameters = 0
    for (const { shape } of entries.values()) parameters += shape.reduce((product, size) => product * size, 1)
    expect(parameters).toBe(3_468_837_867)
    expect(inferUnetConfig({ label: "made up", entries })).toEqual(SDXL_UNET)
  })
})
