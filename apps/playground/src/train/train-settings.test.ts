import { createLllite } from "@lllite/core/models"
import { LR_CURVES, OPTIMIZERS } from "@lllite/core/names"
import { createStream } from "@lllite/core/random"
import { beginTraining, checkTrainOptions } from "@lllite/core/training"
import { SDXL_LAYOUT } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { describe, expect, it } from "vitest"
import { englishOf } from "../../test/words.ts"
import { english } from "../language/english/index.ts"
import type { TrainSettings } from "./train-settings.ts"
import {
  curveFields,
  DEFAULT_SETTINGS,
  hasRate,
  hasRightPieces,
  hasSchedule,
  missingFields,
  piecesExpected,
  resultOf,
  settingsNotices,
  settingsProblem,
  trainOptions,
  trainSites,
  withSteps,
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

  it("train a range of strengths, or strength 1 at the sites of sd-scripts", () => {
    const range = settingsOf({ strengths: "range" })
    const one = settingsOf({ strengths: "one" })
    expect(trainOptions(range)).toMatchObject({
      ...{ siteLimit: 0.6, optimizer: { name: "adamw", epsilon: 3e-7, weightDecay: 1 } },
      objective: { strengthRange: { min: 0.2, floor: 0.39, top: 0.6, power: 2 } },
    })
    expect(trainOptions(one)).not.toHaveProperty("siteLimit")
    expect(trainOptions(one).objective).not.toHaveProperty("strengthRange")
    expect(trainOptions(one).optimizer).toEqual({ name: "adamw" })
    expect(trainOptions(settingsOf({ optimizer: "lion" })).optimizer).toEqual({ name: "lion" })
    expect(trainSites(one, SDXL_LAYOUT)).toEqual(enumerateSites(SDXL_LAYOUT))
    const modules = new Set(trainSites(range, SDXL_LAYOUT).map(({ key }) => key.replace(/^.*\d_(?=attn|ff)/, "")))
    expect(modules).toEqual(
      new Set([
        "attn1_to_q",
        "attn1_to_k",
        "attn1_to_v",
        "attn1_to_out_0",
        "attn2_to_q",
        "attn2_to_out_0",
        "ff_net_0_proj",
        "ff_net_2",
      ]),
    )
  })

  it("give a range its effect at strength 1", () => {
    const model = createLllite(
      enumerateSites(SDXL_LAYOUT).slice(0, 1),
      { condDim: 2, mlpDim: 2 },
      createStream(1, "init"),
    )
    model.values.fill(1)
    const state = beginTraining(model)
    expect(resultOf(settingsOf({ strengths: "one" }), state)).toBe(model)
    const { values, slots } = resultOf(settingsOf({ strengths: "range" }), state)
    for (const { name, offset } of slots) expect(values[offset], name).toBe(name.startsWith("up.") ? 1.5 : 1)
  })

  it("keep the fall of the rate at a third of the steps, until it is another", () => {
    expect(withSteps(DEFAULT_SETTINGS, 30)).toMatchObject({ steps: 30, decaySteps: 10 })
    expect(withSteps(settingsOf({ decaySteps: 20 }), 30)).toMatchObject({ steps: 30, decaySteps: 20 })
    expect(settingsProblem(withSteps(DEFAULT_SETTINGS, 1))).toBeNull()
  })

  it("are refused together where each is right alone, with core's sentence", () => {
    expect(englishOf(settingsProblem(settingsOf({ minTimestep: 900, maxTimestep: 500 })))).toBe(
      "objective: minTimestep is 900 and maxTimestep 500, expected minTimestep below maxTimestep",
    )
    expect(englishOf(settingsProblem(settingsOf({ curve: "linear", warmupSteps: 500 })))).toMatch(
      /do not fit in 145 steps/,
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
      "Learning rate is 0.002. prodigy finds the size of its steps and multiplies it with the rate, which is usually 1.",
    ])
  })

  it.each([
    ["adamw", true, true, null],
    ["adamwschedulefree", true, false, "adamwschedulefree has its own schedule."],
    ["adafactor", false, false, "adafactor has its own learning rate and schedule."],
  ] as const)(
    "show for %s the fields that have an effect, and say why others are missing",
    (optimizer, rate, schedule, why) => {
      const settings = settingsOf({ optimizer })
      expect(hasRate(settings)).toBe(rate)
      expect(hasSchedule(settings)).toBe(schedule)
      expect(curveFields(settings).length > 0).toBe(schedule)
      expect(missingFields(settings, english.train)).toBe(why)
      // A setting that is not shown gives no notice.
      expect(settingsNotices(settings, english.train)).toEqual([])
    },
  )
})
