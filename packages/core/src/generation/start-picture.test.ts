import { describe, expect, it } from "vitest"
import { startSteps } from "./start-picture.ts"

describe("the steps from a picture", () => {
  it.each([
    // Of 10 steps, the last ⌊10 · strength⌋ run.
    [10, { strength: 1 }, { level: 0, from: 0 }],
    [10, { strength: 0.39 }, { level: 7, from: 7 }],
    [10, { strength: 0.4 }, { level: 6, from: 6 }],
    [10, { strength: 0 }, { level: 10, from: 10 }],
    // A small strength runs one.
    [10, { strength: 0.01 }, { level: 9, from: 9 }],
    [10, {}, { level: 2, from: 2 }],
    // sd-scripts adds noise for one step more than it runs.
    [10, { strength: 0.4, compat: "sd-scripts" }, { level: 5, from: 6 }],
    [10, { strength: 1, compat: "sd-scripts" }, { level: 0, from: 1 }],
    [10, { strength: 0.01, compat: "sd-scripts" }, { level: 9, from: 10 }],
    [10, { strength: 0.4, compat: "sd-scripts", stepsOffset: 0 }, { level: 6, from: 6 }],
    [10, { strength: 0.4, stepsOffset: 1 }, { level: 5, from: 6 }],
  ] as const)("of %i with %j are %j", (steps, start, expected) => {
    expect(startSteps(steps, start)).toEqual(expected)
  })
})
