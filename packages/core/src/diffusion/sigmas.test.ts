import { describe, expect, it } from "vitest"
import type { SpacingName, SpacingUse, TimestepSpacing } from "./names.ts"
import { SPACING_ALIASES, TIMESTEP_SPACINGS } from "./names.ts"
import { createNoiseSchedule, sigmaAt, timestepAt } from "./schedule.ts"
import { listedLevels, noiseLevels } from "./sigmas.ts"

const schedule = createNoiseSchedule()

describe("noiseLevels", () => {
  it.each<[TimestepSpacing, readonly number[], SpacingUse?]>([
    ["leading", [801, 601, 401, 201, 1]],
    ["linspace", [999, 749.25, 499.5, 249.75, 0]],
    ["linspace", [999, 799, 599, 400, 200], { grid: "intervals" }],
    ["leading", [831, 665, 499, 333, 167], { grid: "intervals" }],
    ["leading_0", [800, 600, 400, 200, 0]],
    ["lcm", [999, 799, 599, 399, 199]],
    ["simple", [999, 799, 599, 399, 199]],
    ["ddim_uniform", [801, 601, 401, 201, 1]],
    ["exponential", [998, 680, 233, 20, 0], { grid: "intervals" }],
    ["lu", [999, 681, 233, 20, 0], { grid: "intervals" }],
    ["beta", [998, 966, 874, 634, 0], { grid: "intervals" }],
    ["trailing", [999, 799, 599, 399, 199]],
    ["karras", [999, 786, 427, 59, 0], { wholeKarras: true }],
  ])("visits the reference's timesteps with %s spacing", (spacing, timesteps, use = {}) => {
    expect(noiseLevels(schedule, 5, spacing, use).timesteps).toEqual(timesteps)
  })

  it.each<[TimestepSpacing, readonly number[]]>([
    ["uniform", [999, 749.25, 499.5, 249.75, 0]],
    ["sgm_uniform", [999, 799.2, 599.4, 399.6, 199.8]],
  ])("visits places between timesteps with %s spacing", (spacing, timesteps) => {
    const visited = noiseLevels(schedule, 5, spacing).timesteps
    expect(visited).toHaveLength(5)
    for (const [i, timestep] of visited.entries()) expect(timestep).toBeCloseTo(timesteps[i] as number, 2)
  })

  it("rounds halves to even, as numpy does", () => {
    // 1000 - 62.5 i for 16 steps: 937.5 → 938, 812.5 → 812.
    expect(noiseLevels(schedule, 16, "trailing").timesteps.slice(0, 4)).toEqual([999, 937, 874, 811])
  })

  it("lands beside a half where numpy's sum does", () => {
    // 15 * 33.3 is a little less than 499.5 in float64.
    expect(noiseLevels(schedule, 30, "linspace", { grid: "intervals" }).timesteps[15]).toBe(499)
  })

  it("ends at 0 after as many levels as there are steps", () => {
    const { sigmas } = noiseLevels(schedule, 7, "linspace")
    expect(sigmas.length).toBe(8)
    expect(sigmas.at(-1)).toBe(0)
    expect(sigmas[0]).toBe(sigmaAt(schedule, 999))
  })

  it("starts at the highest level of its spacing when there is one step", () => {
    expect(noiseLevels(schedule, 1, "linspace").timesteps).toEqual([999])
    expect(noiseLevels(schedule, 1, "leading").timesteps).toEqual([1])
    expect(noiseLevels(schedule, 1, "karras").timesteps).toEqual([999])
  })

  it("gives the network the timestep of each level, and interpolates between levels", () => {
    const levels = noiseLevels(schedule, 5, "karras", { wholeKarras: true })
    for (const [i, timestep] of levels.timesteps.entries()) {
      expect(levels.timestepOf(levels.sigmas[i] as number)).toBe(timestep)
    }
    expect(levels.timestepOf(3)).toBe(timestepAt(schedule, 3, "log"))
    const second = levels.sigmas[1] as number
    expect(levels.timestepOf(second, true)).toBe(timestepAt(schedule, second, "log"))
  })

  it("refuses Karras levels where the largest sigma is infinite", () => {
    const rescaled = createNoiseSchedule({ zeroTerminalSnr: true })
    expect(() => noiseLevels(rescaled, 5, "karras")).toThrow(/zero terminal SNR.*trailing/)
    expect(noiseLevels(rescaled, 5, "trailing").timestepOf(2 ** 20)).toBe(999)
  })

  it("starts Karras levels at a sampler's number for infinity", () => {
    const rescaled = createNoiseSchedule({ zeroTerminalSnr: true })
    const { sigmas, timesteps } = noiseLevels(rescaled, 5, "karras", { largestSigma: 4096 })
    expect(sigmas[0]).toBe(4096)
    expect(timesteps[0]).toBe(999)
    expect(noiseLevels(schedule, 5, "karras", { largestSigma: 4096 }).sigmas[0]).toBe(schedule.sigmas[999])
  })

  it.each(TIMESTEP_SPACINGS)("falls from level to level with %s spacing, for one step and for many", (spacing) => {
    for (const steps of spacing === "sd_turbo" ? [1, 2, 3, 7, 10] : [1, 2, 3, 7, 19, 50]) {
      const { sigmas, timesteps } = noiseLevels(schedule, steps, spacing)
      expect(sigmas.length).toBe(timesteps.length + 1)
      expect(Math.min(...sigmas)).toBe(sigmas.at(-1))
      for (const [i, sigma] of sigmas.slice(1).entries()) expect(sigma).toBeLessThan(sigmas[i] as number)
    }
  })

  it("lays a curve between the given ends, with the given exponent", () => {
    const { sigmas } = noiseLevels(schedule, 3, "karras", {}, { sigmaMin: 0.5, sigmaMax: 8, rho: 1 })
    expect(sigmas).toEqual([8, 4.25, 0.5, 0])
    const ends = { sigmaMin: 9, sigmaMax: 8 }
    expect(() => noiseLevels(schedule, 3, "karras", {}, ends)).toThrow(/sigmaMin is 9, expected less than sigmaMax, 8/)
  })

  it("leaves out the level before the end", () => {
    const whole = noiseLevels(schedule, 6, "karras").sigmas
    const { sigmas } = noiseLevels(schedule, 5, "karras", {}, { discardPenultimate: true })
    expect(sigmas).toEqual([...whole.slice(0, 5), 0])
  })

  it("ends at the smallest sigma where the sampler does", () => {
    expect(noiseLevels(schedule, 5, "leading", { end: "smallest" }).sigmas.at(-1)).toBe(schedule.sigmas[0])
    expect(noiseLevels(schedule, 5, "kl_optimal").sigmas.at(-1)).toBe(schedule.sigmas[0])
    expect(noiseLevels(schedule, 5, "kl_optimal_0").sigmas.at(-1)).toBe(0)
  })

  it("has ComfyUI's levels for turbo models: the first of ten timesteps, then 0", () => {
    expect(noiseLevels(schedule, 4, "sd_turbo").timesteps).toEqual([999, 899, 799, 699])
    expect(noiseLevels(schedule, 10, "sd_turbo").sigmas).toEqual(noiseLevels(schedule, 10, "trailing").sigmas)
    expect(() => noiseLevels(schedule, 11, "sd_turbo")).toThrow(/at most 10/)
  })

  it("has ComfyUI's levels of Align Your Steps, whose last one is 0", () => {
    const { sigmas } = noiseLevels(schedule, 10, "align_your_steps_0")
    expect(sigmas).toHaveLength(11)
    expect([sigmas[0], sigmas[5], sigmas[9], sigmas[10]]).toEqual([14.6146412293, 0.8620721141, 0.1114188177, 0])
    // numpy: exp(interp(linspace(0, 1, 5), linspace(0, 1, 11), log(levels)))
    const four = noiseLevels(schedule, 4, "align_your_steps_0").sigmas
    expect(four.slice(1, 4)).toEqual([2.8668, 0.8621, 0.2976].map((value) => expect.closeTo(value, 3)))
  })

  it("takes the parameters of the beta distribution", () => {
    const plain = noiseLevels(schedule, 6, "beta_timesteps").timesteps
    expect(noiseLevels(schedule, 6, "beta_timesteps", {}, { alpha: 0.6, beta: 0.6 }).timesteps).toEqual(plain)
    // A uniform distribution has even timesteps.
    const even = noiseLevels(schedule, 3, "beta_timesteps", {}, { alpha: 1, beta: 1 }).timesteps
    expect(even).toEqual([999, 666, 333])
    expect(() => noiseLevels(schedule, 4, "beta", {}, { alpha: 0 })).toThrow(/alpha is 0/)
  })

  it("takes the second names of spacings", () => {
    for (const [name, spacing] of Object.entries(SPACING_ALIASES)) {
      const named = noiseLevels(schedule, 6, name as SpacingName)
      expect(named.sigmas).toEqual(noiseLevels(schedule, 6, spacing).sigmas)
    }
  })

  it("lists the spacings", () => {
    expect(() => noiseLevels(schedule, 5, "even" as TimestepSpacing)).toThrow(/no spacing "even".*leading.*karras/)
    expect(() => noiseLevels(schedule, 5, "karas" as TimestepSpacing)).toThrow(/Did you mean "karras"\?/)
  })

  it("reaches every timestep at most once", () => {
    expect(noiseLevels(schedule, 999, "leading").timesteps[0]).toBe(999)
    expect(() => noiseLevels(schedule, 1000, "leading")).toThrow(/start at timestep 1000/)
    expect(() => noiseLevels(schedule, 1500, "trailing")).toThrow(/different levels/)
    expect(() => noiseLevels(schedule, 0, "linspace")).toThrow(/expected a whole number from 1 to 10000/)
  })
})

describe("listedLevels", () => {
  it("takes timesteps, sigmas, or both", () => {
    const ofTimesteps = listedLevels(schedule, { timesteps: [999, 500, 20] })
    expect(ofTimesteps.sigmas).toEqual([...[999, 500, 20].map((timestep) => sigmaAt(schedule, timestep)), 0])
    const ofSigmas = listedLevels(schedule, { sigmas: [12, 3], end: 0.5 })
    expect(ofSigmas.sigmas).toEqual([12, 3, 0.5])
    expect(ofSigmas.timesteps).toEqual([timestepAt(schedule, 12, "log"), timestepAt(schedule, 3, "log")])
    expect(listedLevels(schedule, { sigmas: [12, 3], timesteps: [900, 3] }).timestepOf(12)).toBe(900)
  })

  it.each([[{}], [{ timesteps: [1000] }], [{ timesteps: [3, 2], sigmas: [1] }]])("refuses %j", (lists) => {
    expect(() => listedLevels(schedule, lists)).toThrow(/expected a list/)
  })
})
