import { describe, expect, it } from "vitest"
import { attentionKernel } from "./attention.mjs"
import { convolutionKernel } from "./convolution.mjs"
import { halfConfigs } from "./fragments.mjs"
import { productKernel } from "./product.mjs"
import { ATTENTION_TILES, TILES } from "./tiles.mjs"

/** What WebGPU says of NVIDIA's cards, whose workgroups have 48 KiB. */
const NVIDIA = { config: { M: 16, N: 16, K: 16 }, lanes: 32 }
const SHARED = 48 * 1024

describe("kernels on subgroup matrices", () => {
  it("take the largest fragments that multiply float16, by what they add up in", () => {
    const config = (componentType, resultComponentType, side) => ({
      ...{ componentType, resultComponentType, M: side, N: side, K: side },
    })
    const subgroupMatrixConfigs = [config("f16", "f32", 16), config("f16", "f32", 8), config("u8", "u32", 32)]
    expect(halfConfigs({ subgroupMatrixConfigs })).toEqual({ f32: { M: 16, N: 16, K: 16 } })
    expect(halfConfigs({})).toEqual({})
  })

  it.each(TILES)("fit a card's workgroup with tile %o", (tile) => {
    for (const kernelOf of [productKernel, convolutionKernel]) {
      for (const [sums, activations] of [
        ["f32", "f16"],
        ["f16", "f32"],
      ]) {
        const { threads, sharedBytes } = kernelOf({ ...NVIDIA, tile, ahead: true, sums, activations })
        expect(threads).toBeLessThanOrEqual(1024)
        expect(sharedBytes).toBeLessThanOrEqual(SHARED)
      }
    }
  })

  it.each(ATTENTION_TILES)("fit a card's workgroup with %o of attention", (tile) => {
    expect(attentionKernel({ ...NVIDIA, tile }).sharedBytes).toBeLessThanOrEqual(SHARED)
  })

  it("refuse a tile that its invocations cannot load evenly", () => {
    const tile = { subgroups: [2, 4], fragments: [1, 1], depth: 2 }
    const options = { ...NVIDIA, tile, ahead: true, sums: "f32", activations: "f16" }
    expect(() => productKernel(options)).toThrow(/256 invocations do not load 32 and 64 rows evenly/)
  })

  it("cover every row, column and channel of a size with a rest", () => {
    const [tile] = TILES
    const { plan } = productKernel({ ...NVIDIA, tile, ahead: true, sums: "f32", activations: "f16" })
    expect(plan({ m: 129, n: 260, k: 40 })).toEqual({ params: [129, 260, 40, 1, 2], groups: [3, 2] })
  })
})
