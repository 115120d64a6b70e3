import * as tf from "@tensorflow/tfjs"
import { describe, expect, it } from "vitest"
import { createNoiseSchedule, sigmaAt, timestepAt, withComposedGuidance } from "../diffusion/index.ts"
import * as generation from "../generation/index.ts"
import * as memory from "../memory/index.ts"
import { createComposedOps, vjp, vjpSeveral } from "../ops/index.ts"
import * as training from "../training/index.ts"
import * as models from "./index.ts"

type Loose = (...args: readonly unknown[]) => unknown

const empty = { label: "x", entries: new Map() }
const ops = createComposedOps()
const tokenizer = { encode: () => [], vocabularySize: 2, startId: 0, endId: 1 }
const plan = generation.planSampling({ steps: 2 })
const task = { kind: "generate", width: 64, height: 64, lllite: null }
const picture = { width: 8, height: 8, data: new Uint8Array(192) }
const side = { height: 64, width: 64 }
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
  ["objectiveLoss", training.objectiveLoss],
  ["normaliseConditioners", training.normaliseConditioners],
  ["limitSites", training.limitSites],
  ["sumGroup", training.sumGroup],
  ["createExampleCache", training.createExampleCache],
  ["loadOptimizer", training.loadOptimizer, new Float32Array(1), { name: "adamw", step: 0, tensors: {} }],
  ["vjp", vjp],
  ["vjp", vjp, [tf.zeros([1])]],
  ["vjpSeveral", vjpSeveral, [tf.zeros([1])]],
  ["withComposedGuidance", withComposedGuidance],
  ["withComposedGuidance", withComposedGuidance, { both: null, prompts: [], negatives: [] }],
  ["planMemory", memory.planMemory, empty],
  ["planMemory", memory.planMemory, empty, task],
  ["largestEntry", memory.largestEntry],
  ["gpuVaeBytes", memory.gpuVaeBytes],
  ["vaeBytes", memory.vaeBytes],
  ["vaeBytes", memory.vaeBytes, models.SDXL_VAE],
  ["vaeBytes", memory.vaeBytes, models.SDXL_VAE, side, 1],
  ["chooseVaeSlices", memory.chooseVaeSlices],
  ["chooseVaeSlices", memory.chooseVaeSlices, models.SDXL_VAE, side, 1],
  ["chooseVaeParts", memory.chooseVaeParts],
  ["chooseVaeParts", memory.chooseVaeParts, models.SDXL_VAE, side, 1],
  ["chunksNeeded", generation.chunksNeeded],
  ["chunksNeeded", generation.chunksNeeded, tokenizer],
  ["encodeConditions", generation.encodeConditions],
  ["encodePictures", generation.encodePictures],
  ["prepareAdapter", generation.prepareAdapter],
  ["prepareAdapter", generation.prepareAdapter, { ops }],
  ["prepareControlNet", generation.prepareControlNet],
  ["prepareControlNet", generation.prepareControlNet, ops],
  ["prepareRegions", generation.prepareRegions],
  ["lorasTap", generation.lorasTap],
  ["startFromNoise", generation.startFromNoise],
  ["startFromNoise", generation.startFromNoise, plan],
  ["startFromLatents", generation.startFromLatents],
  ["startFromLatents", generation.startFromLatents, plan],
  ["startFromLatents", generation.startFromLatents, plan, tf.zeros([1, 1, 1, 4])],
  ["keepOutside", generation.keepOutside],
  ["createLatentDenoiser", generation.createLatentDenoiser],
]

describe("arguments that other functions of the library give", () => {
  it.each(FUNCTIONS)("are checked by %s", async (_, run, ...before) => {
    for (const value of wrong) {
      // Some of these have other arguments that are missing. All are errors of this library.
      const failed = await (async () => (run as Loose)(...before, value))().catch((error: unknown) => error)
      expect(failed).toMatchObject({ name: expect.stringMatching(/^(CoreError|FormatError)$/) })
    }
  })

  it.each([
    ["walkLatents", generation.walkLatents],
    ["decodePictures", generation.decodePictures],
    ["train", training.train],
    ["cacheDataset", training.cacheDataset],
  ] as const)("are checked by %s when it begins", async (_, run) => {
    for (const value of wrong) {
      const begun = (run as unknown as (value: unknown) => AsyncGenerator)(value)
      await expect(begun.next()).rejects.toMatchObject({ name: "CoreError" })
    }
  })

  it("are checked before memory is taken for them", async () => {
    for (const width of [0, -8, 1e9, Number.POSITIVE_INFINITY, 8.5]) {
      const wide = { height: 64, width }
      const footprint = memory.COMPOSED_FOOTPRINT
      await expect(memory.vaeBytes(models.SDXL_VAE, wide, 1, footprint)).rejects.toThrow(`width is ${width}`)
      await expect(memory.planMemory(empty, { ...task, width } as never, footprint)).rejects.toThrow(
        `width is ${width}`,
      )
      const control = { ...picture, width }
      const use = { lllite: { adapters: new Map(), leaves: [] }, control }
      expect(() => generation.prepareAdapter({ ops }, use, 1)).toThrow(/image: /)
    }
    await expect(
      memory.vaeBytes(models.SDXL_VAE, { height: 64, width: 60 }, 1, memory.COMPOSED_FOOTPRINT),
    ).rejects.toThrow("60×64 px, expected multiples of 8")
  })

  it("are checked where work stops", async () => {
    for (const stop of [undefined, null, { pause: 7 }, { signal: {} }]) {
      await expect(memory.letStop(stop as never)).rejects.toMatchObject({ name: "CoreError" })
    }
    await memory.letStop({})
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
