import { describe, expect, it } from "vitest"
import { checkObjective } from "./objective-options.ts"
import { TRAIN_PRESETS } from "./presets.ts"

describe("presets of a training", () => {
  it.each(Object.entries(TRAIN_PRESETS))("%s has options that a run takes", (_, { init, objective }) => {
    expect(["default", "normalised"]).toContain(init)
    expect(() => checkObjective(objective)).not.toThrow()
    expect(() => checkObjective({ ...objective, loss: "huber" })).not.toThrow()
  })
})
