import { describe, expect, it } from "vitest"
import { LR_CURVES, type LrCurve } from "../names.ts"
import type { LrCurveOptions, LrPiece } from "./curves.ts"
import { createLrSchedule } from "./schedule.ts"

const options = (curve: LrCurve): LrCurveOptions => ({
  curve,
  learningRate: 2e-4,
  totalSteps: 100,
  ...(curve === "constant" || curve === "piecewise_constant" ? {} : { warmupSteps: 10 }),
  ...(curve === "piecewise_constant" ? { pieces: [{ factor: 1, until: 50 }, { factor: 0.1 }] } : {}),
  ...(curve === "cosine_with_min_lr" || curve === "warmup_stable_decay" ? { minRatio: 0.1 } : {}),
  ...(curve === "warmup_stable_decay" ? { decaySteps: 20 } : {}),
})

describe.each(LR_CURVES)("the curve %s", (curve) => {
  const rate = createLrSchedule(options(curve))

  it("reaches the learning rate when the warm-up ends and never goes above or below 0", () => {
    expect(rate(10)).toBeCloseTo(2e-4, 12)
    for (let step = 0; step <= 120; step++) {
      expect(rate(step)).toBeGreaterThanOrEqual(0)
      expect(rate(step)).toBeLessThanOrEqual(2e-4 * (1 + 1e-12))
    }
  })

  if (curve !== "constant" && curve !== "piecewise_constant") {
    it("rises evenly during the warm-up", () => {
      expect(rate(6) - rate(5)).toBeCloseTo(rate(2) - rate(1), 12)
      expect(rate(5)).toBeGreaterThan(rate(4))
    })
  }
})

describe("createLrSchedule", () => {
  it("ends each falling curve where it should", () => {
    expect(createLrSchedule(options("linear"))(100)).toBe(0)
    expect(createLrSchedule(options("cosine"))(100)).toBeCloseTo(0, 12)
    expect(createLrSchedule(options("polynomial"))(100)).toBeCloseTo(1e-7, 12)
    expect(createLrSchedule(options("cosine_with_min_lr"))(100)).toBeCloseTo(2e-5, 12)
    expect(createLrSchedule(options("warmup_stable_decay"))(100)).toBeCloseTo(2e-5, 12)
  })

  it("restarts the cosine as often as cycles says", () => {
    const rate = createLrSchedule({ curve: "cosine_with_restarts", learningRate: 1, totalSteps: 90, cycles: 3 })
    expect([rate(0), rate(30), rate(60)]).toEqual([1, 1, 1])
    expect(rate(29)).toBeLessThan(0.01)
    expect(rate(90)).toBe(0)
  })

  it("halves the rate of inverse_sqrt at four times its timescale", () => {
    const rate = createLrSchedule({ curve: "inverse_sqrt", learningRate: 1, totalSteps: 1000, timescale: 50 })
    expect(rate(150)).toBe(0.5)
  })

  it("keeps warmup_stable_decay constant until the decay", () => {
    const rate = createLrSchedule(options("warmup_stable_decay"))
    expect(rate(79)).toBe(2e-4)
    expect(rate(81)).toBeLessThan(2e-4)
  })

  it.each([
    // From the lowest rate up, constant, then half a cosine down to it.
    ["warmup_stable_decay", { warmupSteps: 10, decaySteps: 20, minRatio: 0.1 }, { 0: 0.1, 5: 0.55, 10: 1, 80: 1 }],
    ["warmup_stable_decay", { decaySteps: 20, minRatio: 0.1 }, { 90: 0.55, 99: 0.1055, 100: 0.1, 150: 0.1 }],
    ["warmup_stable_decay", { decaySteps: 20, minRatio: 0.1, cycles: 2 }, { 85: 0.55, 90: 0.1, 95: 0.55, 100: 0.1 }],
    ["warmup_stable_decay", { warmupSteps: 80, decaySteps: 20 }, { 0: 0, 40: 0.5, 80: 1, 90: 0.5, 100: 0 }],
    ["warmup_stable_decay", {}, { 0: 1, 99: 1, 100: 0 }],
    // All other curves rise from 0.
    ["cosine_with_min_lr", { warmupSteps: 10, minRatio: 0.2 }, { 0: 0, 5: 0.5, 10: 1, 55: 0.6, 100: 0.2 }],
    ["polynomial", { warmupSteps: 20, power: 2 }, { 10: 0.5, 60: 0.25 + 0.75e-7, 100: 1e-7, 101: 1e-7, 500: 1e-7 }],
    ["inverse_sqrt", { warmupSteps: 10 }, { 5: 0.5, 10: 1, 40: 0.5 }],
    ["inverse_sqrt", { warmupSteps: 10, timescale: 30 }, { 10: 1, 100: 0.5 }],
    ["inverse_sqrt", {}, { 0: 1, 30000: 0.5 }],
    // These values ask for nothing.
    ["linear", { cycles: 1, power: 1, minRatio: 0, decaySteps: 0 }, { 0: 1, 25: 0.75, 100: 0 }],
  ] as const)("gives %s with %j these rates: %j", (curve, more, rates) => {
    const rate = createLrSchedule({ curve, learningRate: 1, totalSteps: 100, ...more })
    for (const [step, wanted] of Object.entries(rates)) expect(rate(Number(step))).toBeCloseTo(wanted, 4)
    if (curve === "polynomial") expect(rate(101)).toBe(1e-7)
  })

  // Values of transformers' and diffusers' own functions at the steps of `AT`.
  const AT = [0, 1, 3, 4, 7, 12, 17, 19, 20]
  const shapes = { warmupSteps: 4, decaySteps: 8, minRatio: 0.1 }
  it.each([
    [
      { curve: "cosine", warmupSteps: 4, cycles: 3 },
      [0, 0.0025, 0.0075, 0.01, 0.00402454838992, 0.005, 0.00597545161008, 0.000842651938487, 0],
    ],
    [
      { curve: "polynomial", warmupSteps: 4, power: 2, endRate: 0.002 },
      [0, 0.0025, 0.0075, 0.01, 0.00728125, 0.004, 0.00228125, 0.00203125, 0.002],
    ],
    [
      { curve: "warmup_stable_decay", ...shapes, rise: "cosine", fall: "linear" },
      [0.001, 0.00231801948466, 0.00868198051534, 0.01, 0.01, 0.01, 0.004375, 0.002125, 0.001],
    ],
    [
      { curve: "warmup_stable_decay", ...shapes, rise: "1-sqrt", fall: "1-sqrt" },
      [0.001, 0.00220577136594, 0.0055, 0.01, 0.01, 0.01, 0.00288487526462, 0.00158127087976, 0.001],
    ],
    [
      { curve: "warmup_stable_decay", ...shapes },
      [0.001, 0.00325, 0.00775, 0.01, 0.01, 0.01, 0.00377792455436, 0.0013425421037, 0.001],
    ],
    [
      {
        curve: "piecewise_constant",
        pieces: [{ factor: 1, until: 5 }, { factor: 0.1, until: 13 }, { factor: 0.01, until: 18 }, { factor: 0.005 }],
      },
      [0.01, 0.01, 0.01, 0.01, 0.001, 0.001, 0.0001, 5e-5, 5e-5],
    ],
  ] as const)("gives %j the rates of Python's function", (movement, rates) => {
    const rate = createLrSchedule({ ...movement, learningRate: 0.01, totalSteps: 20 })
    for (const [index, step] of AT.entries()) expect(rate(step)).toBeCloseTo(rates[index] as number, 13)
  })

  it("begins a piece at the step at which the one before ends", () => {
    const pieces = [{ factor: 1, until: 5 }, { factor: 0.5, until: 6 }, { factor: 0.25 }]
    const rate = createLrSchedule({ curve: "piecewise_constant", pieces, learningRate: 8, totalSteps: 20 })
    expect([0, 4, 5, 6, 7, 19].map(rate)).toEqual([8, 8, 4, 2, 2, 2])
  })

  it("refuses pieces out of order, without an end and without a last one", () => {
    const rate = (pieces: readonly LrPiece[]) => (): unknown =>
      createLrSchedule({ curve: "piecewise_constant", pieces, learningRate: 1, totalSteps: 9 })
    expect(rate([])).toThrow(/needs pieces/)
    expect(rate([{ factor: 1, until: 5 }])).toThrow(/piece 1: it ends at step 5, expected no end/)
    expect(rate([{ factor: 1 }, { factor: 1 }])).toThrow(/piece 1: it ends at step none, expected a step after 0/)
    const back = [{ factor: 1, until: 5 }, { factor: 1, until: 5 }, { factor: 1 }]
    expect(rate(back)).toThrow(/piece 2: it ends at step 5, expected a step after 5/)
    expect(rate([{ factor: -1 }])).toThrow(/piece 1: factor is -1/)
    expect(() =>
      createLrSchedule({ curve: "warmup_stable_decay", rise: "round" as "linear", learningRate: 1, totalSteps: 9 }),
    ).toThrow(/rise is "round", expected one of linear, cosine, 1-sqrt/)
  })

  it("refuses an option that the curve does not read", () => {
    const bad: readonly [LrCurve, Partial<LrCurveOptions>, RegExp][] = [
      ["constant", { warmupSteps: 10 }, /"constant" has no warmupSteps, got 10/],
      ["linear", { cycles: 2 }, /"linear" has no cycles/],
      ["linear", { power: 2 }, /"linear" has no power/],
      ["cosine", { minRatio: 0.1 }, /"cosine" has no minRatio/],
      ["polynomial", { decaySteps: 5 }, /"polynomial" has no decaySteps/],
    ]
    for (const [curve, more, message] of bad) {
      expect(() => createLrSchedule({ curve, learningRate: 1, totalSteps: 100, ...more })).toThrow(message)
    }
  })

  it("refuses a missing lowest rate, too long a warm-up and unknown curves", () => {
    const base = { learningRate: 1, totalSteps: 100 }
    expect(() => createLrSchedule({ ...base, curve: "cosine_with_min_lr" })).toThrow(/needs minRatio/)
    expect(() => createLrSchedule({ ...base, curve: "linear", warmupSteps: 101 })).toThrow(/do not fit in 100/)
    expect(() => createLrSchedule({ ...base, curve: "toString" as LrCurve })).toThrow(/There are: constant, /)
    expect(() => createLrSchedule({ ...base, curve: "polynomial", learningRate: 1e-8 })).toThrow(/1e-7/)
    expect(() => createLrSchedule({ ...base, curve: "polynomial", learningRate: 1e-7 })).toThrow(/must start above/)
    const both = { ...base, curve: "warmup_stable_decay", warmupSteps: 60, decaySteps: 41 } as const
    expect(() => createLrSchedule(both)).toThrow(/60 warm-up and 41 decay steps do not fit in 100/)
  })
})
