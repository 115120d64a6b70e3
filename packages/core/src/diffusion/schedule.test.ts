import { describe, expect, it } from "vitest"
import { alphaAt, createNoiseSchedule, LARGEST_SIGMA, sigmaAt, snrAt, timestepAt } from "./schedule.ts"

const schedule = createNoiseSchedule()

describe("the noise schedule", () => {
  it("is SDXL's", () => {
    // Values of diffusers' DDPMScheduler with scaled_linear betas.
    const golden = [
      [0, 0.99914998],
      [1, 0.99829602],
      [250, 0.6737923],
      [500, 0.27633247],
      [750, 0.0561698],
      [999, 0.0046601],
    ] as const
    for (const [timestep, alpha] of golden) expect(alphaAt(schedule, timestep)).toBeCloseTo(alpha, 6)
    expect(snrAt(schedule, 500)).toBeCloseTo(0.38185006, 6)
    expect(sigmaAt(schedule, 999)).toBeCloseTo(14.614647, 4)
    expect(sigmaAt(schedule, 0)).toBeCloseTo(0.02916753, 6)
  })

  it("ends without signal when rescaled, and begins unchanged", () => {
    const rescaled = createNoiseSchedule({ zeroTerminalSnr: true })
    expect(alphaAt(rescaled, 0)).toBeCloseTo(alphaAt(schedule, 0), 12)
    expect(alphaAt(rescaled, 500)).toBeCloseTo(0.24101864, 6)
    expect(alphaAt(rescaled, 999)).toBe(0)
    expect(sigmaAt(rescaled, 999)).toBe(LARGEST_SIGMA)
    expect(snrAt(rescaled, 999)).toBe(0)
    expect(rescaled.plainAlphas).toEqual(schedule.alphasCumprod)
  })

  it("falls in signal and rises in noise, step by step", () => {
    for (let t = 1; t < 1000; t++) {
      expect(schedule.alphasCumprod[t]).toBeLessThan(schedule.alphasCumprod[t - 1] as number)
      expect(schedule.sigmas[t]).toBeGreaterThan(schedule.sigmas[t - 1] as number)
    }
  })

  it("finds the timestep of a sigma", () => {
    for (const timestep of [0, 0.25, 1, 249.75, 499.5, 749.25, 998.999, 999]) {
      expect(timestepAt(schedule, sigmaAt(schedule, timestep))).toBeCloseTo(timestep, 8)
    }
  })

  it("interpolates between timesteps along the logarithm", () => {
    const sigma = Math.sqrt(sigmaAt(schedule, 10) * sigmaAt(schedule, 11))
    expect(timestepAt(schedule, sigma, "log")).toBeCloseTo(10.5, 10)
    expect(timestepAt(schedule, sigma, "linear")).toBeLessThan(10.5)
  })

  it("gives the first or last timestep for levels beyond the ends", () => {
    expect(timestepAt(schedule, 0)).toBe(0)
    expect(timestepAt(schedule, 100)).toBe(999)
  })

  it("takes two timesteps and equal betas, and refuses betas of 0, of 1 and in the wrong order", () => {
    const { alphasCumprod } = createNoiseSchedule({ timesteps: 2, betaStart: 0.25, betaEnd: 0.25 })
    expect([...alphasCumprod]).toEqual([0.75, 0.5625])
    for (const [betaStart, betaEnd] of [
      [0, 0.5],
      [-0.1, 0.5],
      [0.5, 0.4],
      [0.5, 1],
      [0.5, 2],
    ] as const) {
      expect(() => createNoiseSchedule({ betaStart, betaEnd })).toThrow(`got ${betaStart} and ${betaEnd}`)
    }
  })

  it("refuses timesteps that it does not have", () => {
    expect(() => sigmaAt(schedule, 999.5)).toThrow(/from 0 to 999, got 999.5/)
    expect(() => sigmaAt(schedule, -0.5)).toThrow(/from 0 to 999, got -0.5/)
    expect(() => alphaAt(schedule, 1.5)).toThrow(/integer from 0 to 999/)
    expect(() => timestepAt(schedule, Number.NaN)).toThrow(/sigma must be 0 or more/)
    expect(() => createNoiseSchedule({ timesteps: 1 })).toThrow(/timesteps/)
    expect(() => createNoiseSchedule({ betaStart: 0.02 })).toThrow(/betaStart/)
  })
})
