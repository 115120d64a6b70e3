import { describe, expect, it } from "vitest"
import { createNoiseSchedule } from "../diffusion/schedule.ts"
import type { ControlNetParams } from "../models/controlnet/params.ts"
import type { LlliteParams } from "../models/lllite/params.ts"
import type { HiresFix } from "./hires-fix.ts"
import type { GenerateOptions } from "./request.ts"
import { planStages, stepsOf } from "./stages.ts"

const options = { width: 256, height: 192, steps: 8, guidanceScale: 5, sampler: "euler", spacing: "karras" } as const
const plan = (hires: HiresFix) =>
  planStages([{ prompt: "a", seed: 7 }], { ...options, spacingOptions: { rho: 5 }, hires }, createNoiseSchedule())

const conditions = (changes: Partial<GenerateOptions>) =>
  planStages([{ prompt: "a", seed: 7 }], { ...options, ...changes }, createNoiseSchedule()).map((stage) => [
    stage.size,
    stage.negativeSize,
  ])

describe("the condition on a picture's size", () => {
  const plain = { original: [192, 256], crop: [0, 0], target: [192, 256] }

  it("has height before width, without a crop", () => {
    expect(conditions({})).toEqual([[plain, plain]])
    const size = { original: [300, 500], crop: [7, 9], target: [192, 256] } as const
    expect(conditions({ size })).toEqual([[size, size]])
    expect(conditions({ negativeSize: size })).toEqual([[plain, size]])
  })

  it("has the first stage's own sides, and lengths by the scale", () => {
    const small = { original: [96, 128], crop: [0, 0], target: [96, 128] }
    expect(conditions({ hires: { scale: 0.5 } })).toEqual([
      [small, small],
      [plain, plain],
    ])
    const size = { original: [300, 501], crop: [7, 10], target: [192, 256] } as const
    expect(conditions({ size, hires: { scale: 0.5 } })).toEqual([
      [
        { original: [150, 251], crop: [4, 5], target: [96, 128] },
        { original: [150, 251], crop: [4, 5], target: [96, 128] },
      ],
      [size, size],
    ])
  })
})

describe("the start of a stage", () => {
  it.each([
    ["euler", {}, { level: 4, from: 4 }],
    ["euler", { compat: "sd-scripts" }, { level: 3, from: 4 }],
    // sd-scripts sets no offset for it.
    ["dpmsingle", { compat: "sd-scripts" }, { level: 4, from: 4 }],
    ["dpmsingle", { compat: "sd-scripts", stepsOffset: 1 }, { level: 3, from: 4 }],
    ["euler", { compat: "sd-scripts", stepsOffset: 0 }, { level: 4, from: 4 }],
  ] as const)("from a picture with %s and %j is %j", (sampler, changes, steps) => {
    const start = { image: { width: 8, height: 8, data: new Uint8Array(192) }, strength: 0.5, ...changes }
    const { spacing: _, ...rest } = options
    const [stage] = planStages([{ prompt: "a", seed: 7 }], { ...rest, sampler, start }, createNoiseSchedule())
    expect(stage.steps).toEqual(steps)
    expect(stage.compat).toBe("compat" in changes ? "sd-scripts" : null)
    expect(stepsOf(stage)).toBe(stage.plan.levels.timesteps.length - 4)
  })

  it("from noise is its first level, of all steps", () => {
    const [stage] = planStages([{ prompt: "a", seed: 7 }], options, createNoiseSchedule())
    expect(stage).toMatchObject({ steps: { level: 0, from: 0 }, compat: null })
    expect(stepsOf(stage)).toBe(8)
  })

  it("of hires fix is that of its strength, after a first stage from the start picture", () => {
    const start = { image: { width: 8, height: 8, data: new Uint8Array(192) }, strength: 0.5 }
    const [first, second] = planStages(
      [{ prompt: "a", seed: 7 }],
      { ...options, start, hires: { scale: 0.5, steps: 10, strength: 0.25, compat: "sd-scripts" } },
      createNoiseSchedule(),
    )
    expect(first).toMatchObject({ steps: { level: 5, from: 5 }, compat: null })
    expect(second).toMatchObject({ steps: { level: 5, from: 6 }, compat: "sd-scripts" })
    expect(stepsOf(second as NonNullable<typeof second>)).toBe(2)
  })
})

describe("the first stage", () => {
  const grey = (width: number, height: number, channels: number) => ({
    ...{ width, height },
    data: Uint8Array.from({ length: width * height * channels }, (_, i) => (Math.floor(i / channels) % width) % 256),
  })
  const use = {
    ...{ lllite: {} as LlliteParams, control: grey(256, 192, 3), strength: 0.5 },
    ...{ mask: [grey(256, 192, 1)], maskFeather: 12 },
  }

  it("has controls, masks and feathers of its size", () => {
    const net = { controlNet: {} as ControlNetParams, control: [grey(256, 192, 3)] }
    const stages = planStages(
      [{ prompt: "a", seed: 7 }],
      { ...options, adapters: [use], controlNets: [net], hires: { scale: 0.5 } },
      createNoiseSchedule(),
    )
    const [first, second] = stages.map((stage) => stage.options)
    expect(first?.adapters).toMatchObject([
      { strength: 0.5, maskFeather: 6, control: [{ width: 128, height: 96 }], mask: [{ width: 128, height: 96 }] },
    ])
    expect(first?.controlNets).toMatchObject([{ control: [{ width: 128, height: 96 }] }])
    expect([second?.adapters, second?.controlNets]).toEqual([[use], [net]])
    const plain = planStages(
      [{ prompt: "a", seed: 7 }],
      { ...options, adapters: [{ lllite: use.lllite, control: use.control }], hires: { scale: 0.5 } },
      createNoiseSchedule(),
    )
    expect(Object.keys(plain[0].options.adapters?.[0] ?? {}).sort()).toEqual(["control", "lllite"])
    expect(plain[0].options.controlNets).toEqual([])
    const bare = planStages(
      [{ prompt: "a", seed: 7 }],
      { ...options, adapters: [use], controlNets: [net], hires: { scale: 0.5, control: false } },
      createNoiseSchedule(),
    )
    expect(bare[0].options.adapters).toHaveLength(1)
    expect([bare[1]?.options.adapters, bare[1]?.options.controlNets]).toEqual([[], []])
  })
})

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
