import { describe, expect, it } from "vitest"
import type { SamplerName } from "../diffusion/names.ts"
import { createNoiseSchedule } from "../diffusion/schedule.ts"
import type { Window } from "./window.ts"
import { checkWindow, createWindowReader } from "./window.ts"

const schedule = createNoiseSchedule()

/** The factors of a window at passes of these timesteps, one pass in each step. */
function factors(window: Window, timesteps: readonly number[]): readonly number[] {
  const at = createWindowReader(schedule, "euler")
  return timesteps.map((timestep, step) =>
    at({ step, steps: timesteps.length, between: false, sigma: 1000 - step, timestep })(window),
  )
}

/** The passes of a run at which a window is open. */
function open(window: Window, steps: number, { sampler = "euler" as SamplerName, from = 0 } = {}): readonly number[] {
  const at = createWindowReader(schedule, sampler)
  const result: number[] = []
  let pass = 0
  for (let step = from; step < steps; step++) {
    const isTwo = sampler === "heun" && step < steps - 1
    for (const between of isTwo ? [false, true] : [false]) {
      const timestep = 999 * (1 - (step + (between ? 1 : 0)) / (steps - 1))
      if (at({ step, steps, between, sigma: timestep + 1, timestep })(window) > 0) result.push(pass)
      pass += 1
    }
  }
  return result
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i)

describe("a window by the noise schedule", () => {
  it("has both of its ends", () => {
    expect(factors({ start: 0.25, end: 0.5 }, [999, 749.25, 600, 499.5, 499])).toEqual([0, 1, 1, 1, 0])
  })

  it("rises and falls over its ease, and not at the ends of the schedule", () => {
    const middle = factors(
      { start: 0.2, end: 0.8, ease: 0.2 },
      [0.2, 0.25, 0.3, 0.5, 0.7, 0.8].map((at) => 999 * (1 - at)),
    )
    for (const [i, wanted] of [0, 0.15625, 0.5, 1, 0.5, 0].entries()) expect(middle[i]).toBeCloseTo(wanted, 9)
    expect(factors({ ease: 0.3 }, [999, 950, 0])).toEqual([1, 1, 1])
  })

  it("reads a pass between two steps by its own level", () => {
    const at = createWindowReader(schedule, "heun")
    const pass = { step: 3, steps: 8 }
    expect(at({ ...pass, between: false, sigma: 2, timestep: 600 })({ end: 0.45 })).toBe(1)
    expect(at({ ...pass, between: true, sigma: 1, timestep: 500 })({ end: 0.45 })).toBe(0)
  })

  it("does not depend on the step where a run starts", () => {
    const at = createWindowReader(schedule, "euler")
    expect(at({ step: 12, steps: 20, between: false, sigma: 1, timestep: 300 })({ end: 0.5 })).toBe(0)
  })
})

describe("a curve", () => {
  it("is linear between its points, in any order, and stays beyond them", () => {
    const curve = [
      { at: 0.75, strength: 0 },
      { at: 0.25, strength: 2 },
    ]
    const found = factors({ curve }, [999, 749.25, 499.5, 249.75, 0])
    for (const [i, wanted] of [2, 2, 1, 0, 0].entries()) expect(found[i]).toBeCloseTo(wanted, 9)
  })

  it("places a noise level on the schedule", () => {
    const sigma = schedule.sigmas[400] as number
    const curve = [
      { at: 0, strength: 1 },
      { sigma, strength: 1 },
      { sigma, strength: 0.25 },
    ]
    expect(factors({ curve }, [999, 401, 400, 100])).toEqual([1, 1, 0.25, 0.25])
  })

  it("jumps at two points of one place, and keeps a single point's factor everywhere", () => {
    const jump = [
      { at: 0.5, strength: 1 },
      { at: 0.5, strength: 3 },
      { at: 1, strength: 5 },
    ]
    const found = factors({ curve: jump }, [999, 499.6, 499.5, 249.75, 0])
    for (const [i, wanted] of [1, 1, 3, 4, 5].entries()) expect(found[i]).toBeCloseTo(wanted, 9)
    expect(factors({ curve: [{ at: 0.5, strength: 2 }] }, [999, 0])).toEqual([2, 2])
  })

  it("multiplies with the window", () => {
    expect(factors({ end: 0.5, curve: [{ at: 0, strength: 3 }] }, [999, 100])).toEqual([3, 0])
  })
})

describe("a window by counting", () => {
  it("has as many steps as sd-scripts and kohya's node count", () => {
    // Of 20 steps with a ratio of 0.5, sd-scripts runs 11 and kohya's node 10.
    expect(open({ end: 0.5, windowBy: "sd-scripts" }, 20)).toEqual(upTo(11))
    expect(open({ end: 0.5, windowBy: "comfyui" }, 20)).toEqual(upTo(10))
    expect(open({ end: 0, windowBy: "sd-scripts" }, 20)).toEqual([0])
    expect(open({ end: 1, windowBy: "sd-scripts" }, 20)).toEqual(upTo(20))
    expect(open({ start: 0.29, end: 0.58, windowBy: "comfyui" }, 100)).toEqual(upTo(58).slice(29))
    // Both ends are rounded down: 10 · 0.27 and 10 · 0.78.
    expect(open({ start: 0.27, end: 0.78, windowBy: "comfyui" }, 10)).toEqual([2, 3, 4, 5, 6])
  })

  it("counts every pass of a sampler with two in a step", () => {
    // 15 passes: i / 15 <= 0.5 for the first 8.
    expect(open({ end: 0.5, windowBy: "sd-scripts" }, 8, { sampler: "heun" })).toEqual(upTo(8))
    // kohya's node begins its count of 8 again.
    expect(open({ end: 0.5, windowBy: "comfyui" }, 8, { sampler: "heun" })).toEqual([0, 1, 2, 3, 8, 9, 10, 11])
  })

  it("counts from the step where a run starts", () => {
    expect(open({ end: 0.5, windowBy: "sd-scripts" }, 20, { from: 10 })).toEqual(upTo(6))
    expect(open({ end: 0.5, windowBy: "comfyui" }, 20, { from: 10 })).toEqual(upTo(5))
  })

  it("counts several calls at one position once", () => {
    const at = createWindowReader(schedule, "euler")
    const tiles = [0, 0, 0, 1, 1, 1, 2].map((step) =>
      at({ step, steps: 4, between: false, sigma: 9 - step, timestep: 900 })({ end: 0.5, windowBy: "comfyui" }),
    )
    expect(tiles).toEqual([1, 1, 1, 1, 1, 1, 0])
  })
})

describe("checking a window", () => {
  it.each<[Window, string]>([
    [{ start: 0.8, end: 0.2 }, "an adapter runs from 0.8 to 0.2, expected 0 ≤ start ≤ end ≤ 1"],
    [{ start: Number.NaN }, "an adapter runs from NaN to 1"],
    [{ start: -0.1 }, "an adapter runs from -0.1 to 1"],
    [{ end: 1.1 }, "an adapter runs from 0 to 1.1"],
    [{ ease: -0.1 }, "an adapter: ease is -0.1"],
    [
      {
        curve: [
          { at: 1, strength: 1 },
          { at: -0.1, strength: 1 },
        ],
      },
      "an adapter: curve[1].at is -0.1",
    ],
    [{ curve: [{ at: 1, strength: 101 }] }, "an adapter: curve[0].strength is 101"],
    [{ curve: [{ at: 0, sigma: 1, strength: 1 }] }, "expected at or sigma"],
    [{ ease: 2 }, "an adapter: ease is 2, expected a number from 0 to 1"],
    [
      { windowBy: "steps" as "comfyui" },
      'an adapter: windowBy is "steps", expected one of schedule, sd-scripts, comfyui',
    ],
    [{ curve: [] }, "an adapter: curve has no point"],
    [{ curve: [{ at: 2, strength: 1 }] }, "an adapter: curve[0].at is 2, expected a number from 0 to 1"],
    [{ curve: [{ sigma: -1, strength: 1 }] }, "an adapter: curve[0].sigma is -1"],
    [{ curve: [{ at: 0, strength: Number.NaN }] }, "an adapter: curve[0].strength is NaN"],
    [{ curve: [{ strength: 1 } as { at: number; strength: number }] }, "expected at or sigma"],
  ])("refuses %j", (window, message) => {
    expect(() => checkWindow("an adapter", window)).toThrow(message)
  })

  it("takes every default, and the limits", () => {
    expect(() => checkWindow("an adapter", {})).not.toThrow()
    expect(() => checkWindow("an adapter", { start: 0, end: 0, ease: 1, windowBy: "schedule" })).not.toThrow()
    expect(() => checkWindow("an adapter", { start: 1, end: 1, curve: [{ at: 1, strength: -100 }] })).not.toThrow()
    expect(() => checkWindow("an adapter", { curve: [{ sigma: 0, strength: 0 }] })).not.toThrow()
  })
})
