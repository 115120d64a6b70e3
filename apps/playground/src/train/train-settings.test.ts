import { LR_CURVES, OPTIMIZERS } from "@lllite/core/names"
import { checkTrainOptions } from "@lllite/core/training"
import { describe, expect, it } from "vitest"
import { englishOf } from "../../test/words.ts"
import { english } from "../language/english/index.ts"
import type { TrainSettings } from "./train-settings.ts"
import {
  curveFields,
  DEFAULT_SETTINGS,
  hasRightPieces,
  piecesExpected,
  settingsNotices,
  settingsProblem,
  trainOptions,
} from "./train-settings.ts"

const settingsOf = (changes: Partial<TrainSettings>): TrainSettings => ({ ...DEFAULT_SETTINGS, ...changes })

describe("the settings of a training", () => {
  it.each(Object.keys(OPTIMIZERS) as (keyof typeof OPTIMIZERS)[])("have %s with every schedule", (optimizer) => {
    for (const curve of LR_CURVES) {
      const settings = settingsOf({ optimizer, curve })
      expect(settingsProblem(settings), curve).toBeNull()
      expect(() => checkTrainOptions(trainOptions(settings))).not.toThrow()
    }
  })

  it("reach the run, as far as the schedule follows them", () => {
    const settings = settingsOf({ curve: "warmup_stable_decay", warmupSteps: 5, decaySteps: 20, power: 3, cycles: 1 })
    expect(curveFields(settings)).toEqual(["warmupSteps", "decaySteps", "cycles", "minRatio"])
    expect(trainOptions(settings).lr).toEqual({
      ...{ curve: "warmup_stable_decay", warmupSteps: 5, decaySteps: 20, cycles: 1, minRatio: 0.1 },
    })
    const pieces = trainOptions(settingsOf({ curve: "piecewise_constant", pieces: "1:10, 0.5:20, 0.1" })).lr
    expect(pieces).toMatchObject({ pieces: [{ factor: 1, until: 10 }, { factor: 0.5, until: 20 }, { factor: 0.1 }] })
    expect(trainOptions(settingsOf({ minSnrGamma: 5, dropout: 0.1 })).objective).toMatchObject({
      ...{ weights: { minSnrGamma: 5 }, dropout: 0.1, minTimestep: 400 },
    })
    expect(trainOptions(DEFAULT_SETTINGS).objective).not.toHaveProperty("weights")
  })

  it("are refused together where each is right alone, with core's sentence", () => {
    expect(englishOf(settingsProblem(settingsOf({ minTimestep: 900, maxTimestep: 500 })))).toBe(
      "objective: minTimestep is 900 and maxTimestep 500, expected minTimestep below maxTimestep",
    )
    expect(englishOf(settingsProblem(settingsOf({ curve: "linear", warmupSteps: 500 })))).toMatch(
      /do not fit in 120 steps/,
    )
    const wrong = settingsOf({ curve: "piecewise_constant", pieces: "1:x" })
    expect(hasRightPieces(wrong)).toBe(false)
    expect(piecesExpected(wrong)).toBe(
      'factors with the steps at which they end, and a last factor, such as "1:100,0.1:200,0.01"',
    )
    expect(hasRightPieces(settingsOf({ curve: "piecewise_constant" }))).toBe(true)
    expect(hasRightPieces(settingsOf({ pieces: "1:x" }))).toBe(true)
  })

  it("say what has no effect, or another one than it looks", () => {
    expect(settingsNotices(DEFAULT_SETTINGS, english.train)).toEqual([])
    expect(settingsNotices(settingsOf({ optimizer: "prodigy" }), english.train)).toEqual([
      "Learning rate is 0.003. prodigy finds the size of its steps and multiplies it with the rate, which is usually 1.",
    ])
    expect(settingsNotices(settingsOf({ optimizer: "adamwschedulefree", curve: "cosine" }), english.train)).toEqual([
      "Schedule has no effect: adamwschedulefree has its own schedule.",
    ])
    expect(settingsNotices(settingsOf({ optimizer: "adafactor" }), english.train)).toEqual([
      "Learning rate has no effect: the steps of adafactor follow from their number.",
    ])
  })
})
