import * as tf from "@tensorflow/tfjs"
import { describe, expect, it } from "vitest"
import { createNoiseSchedule, sigmaAt, timestepAt } from "../diffusion/index.ts"
import { createComposedOps } from "../ops/index.ts"
import * as training from "../training/index.ts"
import * as models from "./index.ts"

type Loose = (...args: readonly unknown[]) => unknown

const empty = { label: "x", entries: new Map() }
const ops = createComposedOps()
const tokenizer = { encode: () => [], vocabularySize: 2, startId: 0, endId: 1 }
const wrong: readonly unknown[] = [
  undefined,
  null,
  Promise.resolve(),
  7,
  Number.NaN,
  "nonsense",
  {},
  [],
  () => {},
  true,
]

/** Functions with what comes before the argument that is wrong. */
const FUNCTIONS: readonly (readonly [name: string, run: unknown, ...before: readonly unknown[]])[] = [
  ["partsOf", models.partsOf],
  ["joinedParts", models.joinedParts],
  ["inferUnetConfig", models.inferUnetConfig],
  ["inferVaeConfig", models.inferVaeConfig],
  ["inferText1Config", models.inferText1Config],
  ["loadSdxl", models.loadSdxl],
  ["loadSdxl", models.loadSdxl, ops],
  ["loadSdxl", models.loadSdxl, ops, empty],
  ["loadControlNet", models.loadControlNet],
  ["loadLiveLora", models.loadLiveLora, ops.load],
  ["isDora", models.isDora],
  ["readTextualInversion", models.readTextualInversion],
  ["promptIds", models.promptIds],
  ["encodeText", models.encodeText],
  ["encodeText", models.encodeText, ops],
  ["encodePrompts", models.encodePrompts, ops],
  ["unet", models.unet],
  ["unet", models.unet, ops],
  ["controlNet", models.controlNet, ops],
  ["encodeImage", models.encodeImage, ops],
  ["latentsOf", models.latentsOf],
  ["createLllite", models.createLllite],
  ["readLlliteModel", models.readLlliteModel],
  ["uploadLllite", models.uploadLllite],
  ["prepareControl", models.prepareControl, ops],
  ["llliteTap", models.llliteTap, ops],
  ["loraTap", models.loraTap, ops],
  ["lossAndGradients", training.lossAndGradients, ops],
  ["trainedLllite", training.trainedLllite, ops],
  ["beginTraining", training.beginTraining],
  ["saveTrainState", training.saveTrainState, training.LLLITE],
  ["loadTrainState", training.loadTrainState, training.LLLITE],
  ["trainedModel", training.trainedModel],
  ["validationLosses", training.validationLosses],
]

describe("arguments that other functions of the library give", () => {
  it.each(FUNCTIONS)("are checked by %s", async (_, run, ...before) => {
    for (const value of wrong) {
      // Some of these have other arguments that are missing. All are errors of this library.
      const failed = await (async () => (run as Loose)(...before, value))().catch((error: unknown) => error)
      expect(failed).toMatchObject({ name: expect.stringMatching(/^(CoreError|FormatError)$/) })
    }
  })

  it("are named, with what came and what gives them", () => {
    const missing = () => (models.unet as Loose)(ops, Promise.resolve(), { latents: tf.zeros([1, 4, 4, 4]) })
    expect(missing).toThrow("unet: the params is a promise that was not awaited, expected what loadUnet gives")
    expect(() => (models.promptIds as Loose)(tokenizer, 7, 0)).toThrow("prompt: the text is 7, expected text")
  })
})

describe("numbers that are none", () => {
  it("are refused where they gave a result before", () => {
    const schedule = createNoiseSchedule()
    const loose =
      (run: unknown, ...args: readonly unknown[]) =>
      () =>
        (run as Loose)(...args)
    expect(loose(sigmaAt, schedule, null)).toThrow(/timestep is null/)
    expect(loose(timestepAt, schedule, 1, "nonsense")).toThrow(/no interpolation "nonsense"/)
    expect(loose(training.shareAt, { power: "x" }, 0.5)).toThrow(/power is the text "x"/)
    expect(loose(training.emaDecay, {}, "nonsense")).toThrow(/the finished steps is the text/)
    expect(loose(training.lossWeight, {}, "nonsense", 1)).toThrow(/no prediction "nonsense"/)
    expect(loose(training.huberDelta, { schedule: "snr" }, 1, 1000, [])).toThrow(/sigma is a list/)
    expect(loose(training.largestBatch, [{ width: 8, height: Number.NaN }], 1)).toThrow(/height is NaN/)
    expect(loose(training.captionChanges, "a", { shuffle: "yes" })).toThrow(/shuffle is the text "yes"/)
    expect(loose(training.captionChanges, "a", { shufle: true })).toThrow(/no option "shufle"/)
  })
})
