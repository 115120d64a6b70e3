import { startSteps } from "@lllite/core"
import { SAMPLERS } from "@lllite/core/names"
import { describe, expect, it } from "vitest"
import { hiresRun, imageToImageRun, samplerOptions, samplingOf } from "./sampling.ts"

/** The steps that a recipe with this strength runs. */
const running = (steps: number, strength: number): number => steps - startSteps(steps, { strength }).from

describe("samplers of A1111", () => {
  it("take their schedule from its field, its label, the end of the name, or the sampler", () => {
    expect(samplingOf("Euler a", null)).toMatchObject({ sampler: "euler_a", spacing: "uniform" })
    expect(samplingOf("DPM++ 2M", "automatic")).toMatchObject({ sampler: "dpmpp_2m", spacing: "karras" })
    expect(samplingOf("DPM++ 2M", "sgm_uniform").spacing).toBe("sgm_uniform")
    expect(samplingOf("DPM++ 2M", "SGM Uniform").spacing).toBe("sgm_uniform")
    expect(samplingOf("DPM++ 2M Exponential", null).spacing).toBe("exponential")
    expect(samplingOf("DPM++ 2M Exponential", "Automatic").spacing).toBe("exponential")
  })

  it("name the nearest one of an unknown name", () => {
    expect(() => samplingOf("Euler b", null)).toThrow(/^Sampler not found: .*"Euler a"/)
    expect(() => samplingOf("Euler", "karas")).toThrow(/"Karras"/)
  })

  it("get the options that they have, and an upper limit of churn of 0 is none", () => {
    const fields = { eta: 0.5, s_churn: 2, s_tmin: 0, s_tmax: 0, s_noise: 1 }
    expect(samplerOptions(samplingOf("Euler a", null), fields)).toEqual({ eta: 0.5 })
    expect(samplerOptions(samplingOf("Euler", null), fields)).toEqual({ sChurn: 2 })
    expect(samplerOptions(samplingOf("DPM++ 2M", null), fields)).toEqual({})
    expect(Object.keys(SAMPLERS.euler.options)).not.toContain("eta")
  })
})

describe("a run from a picture", () => {
  it("has one step more than the strength's part, and all of them at most", () => {
    for (let steps = 1; steps <= 150; steps++) {
      for (const strength of [0, 0.1, 0.3, 0.5, 0.75, 0.999, 1]) {
        const run = imageToImageRun(steps, strength)
        const expected = Math.trunc(Math.min(strength, 0.999) * steps) + 1
        expect(running(run.steps, run.strength), `${steps} ${strength}`).toBe(expected)
      }
    }
  })

  it("has in hires fix the steps that are asked for, of a longer schedule", () => {
    expect(hiresRun(20, 0.5).steps).toBe(40)
    for (let steps = 1; steps <= 150; steps++) {
      for (const strength of [0, 0.05, 0.3, 0.7, 1]) {
        const run = hiresRun(steps, strength)
        expect(running(run.steps, Math.min(1, run.strength)), `${steps} ${strength}`).toBe(steps)
      }
    }
  })
})
