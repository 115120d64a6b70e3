import { describe, expect, it } from "vitest"
import { checkHires, firstSides, firstSize, type HiresFix, secondSampling } from "./hires-fix.ts"

describe("the first stage of hires fix", () => {
  it("has sides by the scale, as multiples of 32, or those that are given", () => {
    expect(firstSides({ width: 1024, height: 1536 }, { scale: 0.5 })).toEqual({ width: 512, height: 768 })
    // 0.55 of 1000 is 550, and of 1016 is 558.8.
    expect(firstSides({ width: 1000, height: 1016 }, { scale: 0.55 })).toEqual({ width: 544, height: 544 })
    // 959.5 is rounded up to 960, a multiple of 32.
    expect(firstSides({ width: 1919, height: 64 }, { scale: 0.5 })).toEqual({ width: 960, height: 32 })
    expect(firstSides({ width: 64, height: 32 }, { scale: 0.5, sides: { width: 40, height: 48 } })).toEqual({
      width: 40,
      height: 48,
    })
  })

  it("has SDXL's condition on sizes by the scale, rounded half up", () => {
    expect(firstSize({ original: [1001, 500], crop: [3, 8], target: [64, 32] }, { scale: 0.5 }, [544, 512])).toEqual({
      original: [501, 250],
      crop: [2, 4],
      target: [544, 512],
    })
  })
})

describe("the sampling of a second stage", () => {
  it("is what is given", () => {
    expect(secondSampling({})).toEqual({})
    expect(secondSampling({ sampling: { guidanceScale: 3 } })).toEqual({ guidanceScale: 3 })
    expect(secondSampling({ sampling: { samplerOptions: { eta: 0.5 } } })).toEqual({ samplerOptions: { eta: 0.5 } })
    expect(secondSampling({ sampling: { spacingOptions: { rho: 5 } } })).toEqual({ spacingOptions: { rho: 5 } })
  })

  it("leaves options of another sampler or spacing behind", () => {
    expect(secondSampling({ sampling: { sampler: "heun" } })).toEqual({ sampler: "heun", samplerOptions: {} })
    expect(secondSampling({ sampling: { spacing: "karras" } })).toEqual({ spacing: "karras", spacingOptions: {} })
    expect(
      secondSampling({
        sampling: { sampler: "heun", samplerOptions: { sNoise: 1 }, spacing: "karras", spacingOptions: { rho: 5 } },
      }),
    ).toEqual({ sampler: "heun", samplerOptions: { sNoise: 1 }, spacing: "karras", spacingOptions: { rho: 5 } })
  })
})

describe("settings of hires fix", () => {
  const refusal = (hires: unknown, width = 1024, height = 512): string => {
    try {
      checkHires(hires as HiresFix, { width, height })
    } catch (error) {
      return (error as Error).message
    }
    return "taken"
  }

  it.each([
    [{ scale: 0.5 }, 64, 64],
    [{ scale: 1, steps: 1, strength: 0, seedOffset: 0, upscaler: "latents-bicubic" }, 64, 64],
    [{ scale: 0.5, seedOffset: "18446744073709551615" }, 64, 64],
    [{ scale: 0.5, sides: { width: 8, height: 16 } }, 32, 32],
  ])("are taken: %j", (hires, width, height) => expect(refusal(hires, width, height)).toBe("taken"))

  it.each([
    [{ scale: 0 }, "scale is 0"],
    [{ scale: 0.5, steps: 0 }, "steps is 0"],
    [{ scale: 0.5, strength: 1.5 }, "strength is 1.5"],
    [{ scale: 0.5, upscaler: "nearest" }, 'no upscaler "nearest". There are: lanczos'],
    [{ scale: 0.5, seedOffset: -1 }, "seedOffset is -1, expected a whole number"],
    [{ scale: 0.5, sides: { width: 12, height: 16 } }, "the first stage's width is 12, expected a multiple of 8"],
    [{ scale: 0.5, sides: { width: 16, height: 0 } }, "the first stage's height is 0"],
    [{ scale: 0.5, sides: { width: 16, height: 8.5 } }, "the first stage's height is 8.5"],
    [{ scale: 0.5, sampling: { guidanceScale: -1 } }, "guidanceScale is -1"],
    [{ scale: 0.06 }, "height 512 by the scale 0.06 of hires is less than 32 px"],
    [{ scale: 0.03 }, "width 1024 by the scale 0.03 of hires is less than 32 px"],
  ])("are refused: %j", (hires, said) => expect(refusal(hires)).toContain(said))
})
