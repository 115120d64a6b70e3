import { describe, expect, it } from "vitest"
import { createNoiseSchedule } from "../diffusion/schedule.ts"
import type { HiresFix } from "./hires-fix.ts"
import { planStages } from "./stages.ts"

const options = { width: 256, height: 192, steps: 8, guidanceScale: 5, sampler: "euler", spacing: "karras" } as const
const plan = (hires: HiresFix) =>
  planStages([{ prompt: "a", seed: 7 }], { ...options, spacingOptions: { rho: 5 }, hires }, createNoiseSchedule())

describe("the second stage", () => {
  it("has the sampling of the first, and the next seed", () => {
    const [first, second] = plan({ scale: 0.5 })
    expect(first.options).toMatchObject({ width: 128, height: 96, steps: 28 })
    expect(second?.options).toMatchObject(options)
    expect(second?.requests).toEqual([{ prompt: "a", seed: 8 }])
  })

  it("may have its own", () => {
    const sampling = { guidanceScale: 2, sampler: "dpmpp_2m", spacing: "exponential" } as const
    const sides = { width: 120, height: 104 }
    const [first, second] = plan({ scale: 0.5, sides, seedOffset: String(2n ** 64n - 2n), sampling })
    expect(first.options).toMatchObject({ ...sides, guidanceScale: 5, sampler: "euler", spacing: "karras" })
    expect(second?.options).toMatchObject({ ...sampling, spacingOptions: {}, samplerOptions: {} })
    expect(second?.requests).toEqual([{ prompt: "a", seed: 5 }])
  })
})
