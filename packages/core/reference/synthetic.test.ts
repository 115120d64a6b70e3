import { describe, expect, it } from "vitest"
import { llliteWeight, normal, signal, u, weight } from "./synthetic.ts"

describe("synthetic values", () => {
  it("match the published check values", () => {
    expect(u("a", 0)).toBe(-0.7929475666023791)
    expect(u("a", 1)).toBe(-0.03091874672099948)
    expect(weight("m.weight", [2, 3])[0]).toBe(Math.fround(0.5538451))
  })

  it("hash the UTF-8 bytes of a name", () => {
    expect(u("é", 0)).not.toBe(u("e", 0))
    expect(u("é", 0)).toBe(u("\u00e9", 0))
  })

  it("continue past index 2^32 / golden ratio without leaving [-1, 1)", () => {
    for (const index of [0, 1, 2 ** 20, 2 ** 31 - 1, 2 ** 31]) {
      const value = u("range", index)
      expect(value).toBeGreaterThanOrEqual(-1)
      expect(value).toBeLessThan(1)
    }
  })

  it("scale a weight by its fan-in and leave a signal alone", () => {
    const name = "conv.weight"
    expect(weight(name, [4, 3, 2, 2])[5]).toBe(Math.fround(u(name, 5) * Math.sqrt(3 / 12)))
    expect(signal(name, [4, 3, 2, 2])[5]).toBe(Math.fround(u(name, 5)))
  })

  it("centre one-dimensional tensors at 0 for biases and at 1 for gains", () => {
    expect(weight("norm.bias", [8])[3]).toBe(Math.fround(0.1 * u("norm.bias", 3)))
    expect(weight("attn.in_proj_bias", [8])[3]).toBe(Math.fround(0.1 * u("attn.in_proj_bias", 3)))
    expect(weight("norm.weight", [8])[3]).toBe(Math.fround(1 + 0.1 * u("norm.weight", 3)))
  })

  it("halve the up projection of an LLLite", () => {
    const full = weight("p/site.up.0.weight", [4, 2])
    expect(llliteWeight("p/site.", "up.0.weight", [4, 2])).toEqual(full.map((value) => value / 2))
    expect(llliteWeight("p/site.", "mid.0.bias", [4])).toEqual(weight("p/site.mid.0.bias", [4]))
  })

  it("make normal noise with mean 0 and deviation 1", () => {
    const values = normal("noise", [20_000])
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
    expect(Math.abs(mean)).toBeLessThan(0.02)
    expect(Math.abs(variance - 1)).toBeLessThan(0.03)
  })
})
