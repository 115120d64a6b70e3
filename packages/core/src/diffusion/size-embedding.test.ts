import { describe, expect, it } from "vitest"
import { sinusoidalEmbedding, sizeEmbedding, timestepEmbedding } from "./size-embedding.ts"

const near = (values: Float32Array, start: number, want: readonly number[]): void => {
  for (const [i, value] of want.entries()) {
    expect(Math.abs((values[start + i] ?? Number.NaN) - value)).toBeLessThan(1e-4)
  }
}

describe("sizeEmbedding", () => {
  it("embeds six numbers in the order SDXL was trained with", () => {
    const values = sizeEmbedding({ original: [1024, 1024], crop: [0, 0], target: [832, 1216] })
    expect(values.length).toBe(1536)
    // Values of sd-scripts' get_size_embeddings.
    near(values, 0, [0.9873536, -0.5376172, 0.6834572])
    near(values, 128, [-0.1585334, -0.843189, 0.7299906])
    near(values, 512, [1, 1, 1])
    near(values, 1024, [-0.8667971, 0.1658572, -0.4909798])
    near(values, 1280, [-0.9793363, 0.8240879, -0.8369915])
  })
})

describe("timestepEmbedding", () => {
  it("has the cosines first", () => {
    const values = timestepEmbedding(500, 320)
    near(values, 0, [-0.8838493, 0.7027591, 0.886686])
    near(values, 160, [-0.4677718, 0.7114279, -0.4623721])
  })

  it("differs between fractions of a timestep", () => {
    expect(timestepEmbedding(749.25, 64)).not.toEqual(timestepEmbedding(749, 64))
  })
})

describe("sinusoidalEmbedding", () => {
  it("is cosines of 1 and sines of 0 at 0", () => {
    expect([...sinusoidalEmbedding(0, 6)]).toEqual([1, 1, 1, 0, 0, 0])
  })

  it("refuses a width that is not a positive even number", () => {
    for (const width of [5, 0, -2, 2.5, Number.NaN]) expect(() => sinusoidalEmbedding(1, width)).toThrow(/even/)
    expect(sinusoidalEmbedding(0, 2)).toEqual(Float32Array.of(1, 0))
  })
})
