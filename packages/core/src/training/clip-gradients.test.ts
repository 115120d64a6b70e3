import { describe, expect, it } from "vitest"
import { clipGradients } from "./clip-gradients.ts"

describe("clipGradients", () => {
  it("scales all arrays by one factor, as torch.nn.utils.clip_grad_norm_", () => {
    const [a, b] = [Float32Array.of(3, 4), Float32Array.of(12)]
    expect(clipGradients([a, b], 1)).toBe(13)
    // torch 2.8
    for (const [i, want] of [0.23076921701431274, 0.307692289352417].entries()) expect(a[i]).toBeCloseTo(want, 7)
    expect(b[0]).toBeCloseTo(0.923076868057251, 7)
  })

  it("leaves a small gradient as it is", () => {
    const gradients = Float32Array.of(0.3, 0.4)
    expect(clipGradients([gradients], 1)).toBeCloseTo(0.5, 7)
    expect(gradients).toEqual(Float32Array.of(0.3, 0.4))
  })

  it("does not overflow where float32 would", () => {
    const gradients = new Float32Array(4).fill(1e30)
    expect(clipGradients([gradients], 1)).toBeCloseTo(2e30, -24)
    expect(gradients[0]).toBeCloseTo(0.5, 6)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "changes nothing when a value is %s, and returns a norm that is not finite",
    (value) => {
      const gradients = Float32Array.of(1, value, 3)
      expect(Number.isFinite(clipGradients([gradients], 1))).toBe(false)
      expect(gradients).toEqual(Float32Array.of(1, value, 3))
    },
  )

  it("refuses a limit that is not above 0", () => {
    expect(() => clipGradients([], 0)).toThrow(/maxNorm/)
  })
})
