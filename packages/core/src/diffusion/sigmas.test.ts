import { describe, expect, it } from "vitest"
import type { TimestepSpacing } from "./names.ts"
import { createNoiseSchedule, sigmaAt, timestepAt } from "./schedule.ts"
import { noiseLevels } from "./sigmas.ts"

const schedule = createNoiseSchedule()

describe("noiseLevels", () => {
  it.each<[TimestepSpacing, readonly number[]]>([
    ["leading", [801, 601, 401, 201, 1]],
    ["linspace", [999, 749.25, 499.5, 249.75, 0]],
    ["linspace-rounded", [999, 799, 599, 400, 200]],
    ["trailing", [999, 799, 599, 399, 199]],
    ["karras-rounded", [999, 786, 427, 59, 0]],
  ])("visits the reference's timesteps with %s spacing", (spacing, timesteps) => {
    expect(noiseLevels(schedule, 5, spacing).timesteps).toEqual(timesteps)
  })

  it("rounds halves to even, as numpy does", () => {
    // 1000 - 62.5 i for 16 steps: 937.5 → 938, 812.5 → 812.
    expect(noiseLevels(schedule, 16, "trailing").timesteps.slice(0, 4)).toEqual([999, 937, 874, 811])
  })

  it("lands beside a half where numpy's sum does", () => {
    // 15 * 33.3 is a little less than 499.5 in float64.
    expect(noiseLevels(schedule, 30, "linspace-rounded").timesteps[15]).toBe(499)
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
    const levels = noiseLevels(schedule, 5, "karras-rounded")
    for (const [i, timestep] of levels.timesteps.entries()) {
      expect(levels.timestepOf(levels.sigmas[i] as number)).toBe(timestep)
    }
    expect(levels.timestepOf(3)).toBe(timestepAt(schedule, 3, "log"))
  })

  it("refuses Karras levels where the largest sigma is infinite", () => {
    const rescaled = createNoiseSchedule({ zeroTerminalSnr: true })
    expect(() => noiseLevels(rescaled, 5, "karras")).toThrow(/zero terminal SNR.*trailing/)
    expect(noiseLevels(rescaled, 5, "trailing").timestepOf(2 ** 20)).toBe(999)
  })

  it("lists the spacings", () => {
    expect(() => noiseLevels(schedule, 5, "even" as TimestepSpacing)).toThrow(/no spacing "even".*leading.*karras/)
  })

  it("reaches every timestep at most once", () => {
    expect(noiseLevels(schedule, 999, "leading").timesteps[0]).toBe(999)
    expect(() => noiseLevels(schedule, 1000, "leading")).toThrow(/start at timestep 1000/)
    expect(() => noiseLevels(schedule, 1500, "trailing")).toThrow(/different levels/)
    expect(() => noiseLevels(schedule, 0, "linspace")).toThrow(/positive integer/)
  })
})
