import { describe, expect, it } from "vitest"
import type { CachedFit, LatentFacts } from "./latent-file.ts"
import { latentArrays, latentFacts, latentPath, latentProblem, latentsIn, maskIn, otherSizes } from "./latent-file.ts"

const FACTS: LatentFacts = { vae: "v", bytes: 1, sha256: "s", changed: 2, fit: "f" }
/** A picture of 200 × 100 px, trained at 96 × 64: 8 rows of 12 latents. */
const WIDE: CachedFit = { original: [200, 100], bucket: [96, 64], flips: false, isMasked: true }
const LATENTS = Float32Array.from({ length: 8 * 12 * 4 }, (_, i) => i)
const MASK = Uint8Array.from({ length: 96 * 64 }, (_, i) => i % 256)
const arrays = latentArrays([LATENTS], WIDE, FACTS, MASK)

describe("the file of a picture that is wider than high", () => {
  it("is named by the picture's width and height, in four digits", () => {
    expect(latentPath("/a/b.c.png", [200, 1100])).toBe("/a/b.c_0200x1100_sdxl.npz")
  })

  it("has rows before columns in all shapes, and width before height in its size", () => {
    expect(arrays.get("latents")?.shape).toEqual([4, 8, 12])
    expect(arrays.get("alpha_mask")?.shape).toEqual([64, 96])
    expect(arrays.get("original_size")?.values).toEqual(BigInt64Array.of(200n, 100n))
  })

  it("has the value of a row, a column and a channel where sd-scripts reads it, unscaled", () => {
    const at = (channel: number, row: number, column: number): number =>
      Number(arrays.get("latents")?.values[(channel * 8 + row) * 12 + column])
    for (const [channel, row, column] of [
      [0, 0, 1],
      [1, 0, 0],
      [2, 7, 3],
      [3, 2, 11],
    ] as const) {
      expect(at(channel, row, column) * 0.13025).toBeCloseTo((row * 12 + column) * 4 + channel, 4)
    }
  })

  it.each([
    // sd-scripts' get_crop_ltrb: what a picture covers that is fitted inside of the training size.
    [
      [200, 100],
      [96, 64],
      [0, 8, 96, 56],
    ],
    [
      [100, 200],
      [96, 64],
      [32, 0, 64, 64],
    ],
    [
      [150, 100],
      [96, 64],
      [0, 0, 96, 64],
    ],
    [
      [100, 300],
      [64, 96],
      [16, 0, 48, 96],
    ],
  ] as const)("has for %j at %j the crop %j", (original, bucket, crop) => {
    const latents = new Float32Array((bucket[0] * bucket[1]) / 16)
    expect(latentArrays([latents], { original, bucket }, FACTS, null).get("crop_ltrb")?.values).toEqual(
      Float64Array.from(crop),
    )
  })

  it("ends its names in the height and the width of the latents where it has several sizes", () => {
    const sized = latentArrays([LATENTS], WIDE, FACTS, MASK, true)
    expect([...sized.keys()]).toEqual(
      ["latents", "original_size", "crop_ltrb", "alpha_mask", "lllite_facts"].map((name) => `${name}_8x12`),
    )
    const other = { ...WIDE, bucket: [64, 96] } as const
    expect([...otherSizes(sized, other).keys()]).toEqual([...sized.keys()])
    expect([...otherSizes(sized, WIDE).keys()]).toEqual([])
    // Another program's file has a name without a size, which is of any.
    expect(latentProblem(sized, WIDE)).toBeNull()
    expect(latentProblem(sized, other)).toBe("latents is missing")
    expect(latentProblem(arrays, other)).toBe("latents is 4x8x12, expected 4x12x8")
    expect(latentFacts(sized, WIDE)).toEqual(FACTS)
  })

  it("comes back value for value", () => {
    const back = latentsIn(arrays, false, WIDE.bucket)
    expect(Math.max(...back.map((value, i) => Math.abs(value - (LATENTS[i] ?? 0))))).toBeLessThan(1e-4)
    expect(maskIn(arrays, WIDE.bucket)).toEqual(MASK)
    const both = latentArrays([LATENTS, LATENTS.map((value) => -value)], WIDE, FACTS, null)
    expect(latentsIn(both, true, WIDE.bucket)[5]).toBeCloseTo(-5, 5)
  })

  it("has the nearest byte of a mask's numbers, which another program may have made", () => {
    const values = Float32Array.of(0.5, 0.999, 1.2, -1, 0.001)
    const mask = new Map([["alpha_mask", { shape: [1, 5], values }]])
    expect([...maskIn(mask, WIDE.bucket)]).toEqual([128, 255, 255, 0, 0])
  })
})
