// The building blocks of core and the tiny package, with right arguments, for `misuse.mjs`.
import { createRequire } from "node:module"
import * as diffusion from "../../packages/core/dist/diffusion.js"
import * as image from "../../packages/core/dist/image.js"
import * as prompts from "../../packages/core/dist/index.js"
import * as names from "../../packages/core/dist/names.js"
import * as random from "../../packages/core/dist/random.js"
import * as recipes from "../../packages/core/dist/recipe.js"
import * as training from "../../packages/core/dist/training.js"
import * as tiny from "../../packages/tiny/dist/index.js"
import { call, whole } from "./misuse-call.mjs"

const require = createRequire(new URL("../../packages/core/package.json", import.meta.url))
const tf = require("@tensorflow/tfjs-core")
require("@tensorflow/tfjs-backend-cpu")

/** Pictures, prompts, random numbers, recipes and drawings. */
export function pureCalls() {
  const picture = { width: 4, height: 4, data: new Uint8Array(48).fill(9) }
  const grey = { width: 4, height: 4, data: new Uint8Array(16) }
  const rgba = { width: 4, height: 4, data: new Uint8Array(64) }
  const bytes = new Uint8Array(64)
  const schedule = whole(diffusion.createNoiseSchedule())
  const position = { sigma: 1, timestep: 5, step: 0, steps: 2, between: false }
  const size = { original: [4, 4], crop: [0, 0], target: [4, 4] }
  const rows = () => tf.tensor2d([[1, 2]])
  const input = { prompt: "a", seed: 1, steps: 2, width: 64, height: 64, model: { checkpoint: { path: "tiny" } } }
  const recipe = whole(recipes.createRecipe(input))
  const named = { optimizer: "optimizer", rate: "lr", chosen: "adamw", relative: "relative_step" }
  const text = whole(new Map(recipes.recipeText(recipe)))
  const workflow = { ...recipes.writeWorkflow(recipe).api }
  const rules = { shuffle: true, keepTokens: 1, dropoutRate: 0.1 }
  const stream = whole(random.createStream(1, "noise"))
  const scene = tiny.makeScene(1, 0)
  const drawing = whole(tiny.drawScene(scene))
  return [
    call("createNoiseSchedule", diffusion.createNoiseSchedule, { timesteps: 10, betaStart: 0.001 }),
    call("snrAt", diffusion.snrAt, schedule, 5),
    call("alphaAt", diffusion.alphaAt, schedule, 5),
    call("sigmaAt", diffusion.sigmaAt, schedule, 5),
    call("timestepAt", diffusion.timestepAt, schedule, 1, "log"),
    call("noiseLevels", diffusion.noiseLevels, schedule, 4, "karras", { end: "zero" }, { rho: 7 }),
    call("listedLevels", diffusion.listedLevels, schedule, { timesteps: [9, 3], end: 0 }),
    call("findSampler", diffusion.findSampler, "euler"),
    call("samplerInfo", diffusion.samplerInfo, "euler"),
    call("spacingOf", diffusion.spacingOf, "karras"),
    call("checkSamplerOptions", diffusion.checkSamplerOptions, whole(diffusion.findSampler("euler")), { sChurn: 1 }),
    call("addsNoise", diffusion.addsNoise, whole(diffusion.findSampler("euler")), { sChurn: 1 }),
    call("startFactor", diffusion.startFactor, whole(diffusion.findSampler("euler")), 5, "karras"),
    call("passRows", diffusion.passRows, 2, true),
    call("sinusoidalEmbedding", diffusion.sinusoidalEmbedding, 5, 8),
    call("timestepEmbedding", diffusion.timestepEmbedding, 5, 8),
    call("sizeEmbedding", diffusion.sizeEmbedding, size),
    call("addNoise", diffusion.addNoise, rows(), rows(), [0.5]),
    call("velocity", diffusion.velocity, rows(), rows(), [0.5]),
    call("combineGuidance", diffusion.combineGuidance, tf.zeros([2, 2]), 2, 0.5),
    call("rescaleGuidance", diffusion.rescaleGuidance, rows(), rows(), 0.5),
    call("withGuidance", diffusion.withGuidance, (x) => tf.clone(x), 2, 0.5),
    call(
      "createDenoiser",
      async (network, options) => {
        const denoise = diffusion.createDenoiser(network, options)
        if (network === same) tf.dispose(await denoise(rows(), 1, position))
      },
      same,
      { prediction: "epsilon", timestepOf: () => 1 },
    ),
    call(
      "sample",
      async (...args) => tf.dispose(await diffusion.finish(diffusion.findSampler("euler").sample(...args))),
      (x) => tf.clone(x),
      rows(),
      [2, 1, 0],
      { options: { sChurn: 0 }, missed: [], noise: () => rows() },
    ),
    call("applyGamma", image.applyGamma, picture, 2),
    call("shiftHue", image.shiftHue, picture, 20),
    call("binaryMask", image.binaryMask, grey),
    call("checkPreprocessing", image.checkPreprocessing, { kind: "canny", options: { low: 10 } }),
    call("chooseMeasure", image.chooseMeasure, [{ image: picture, control: picture }]),
    call("compareShapes", image.compareShapes, { width: 4, height: 4 }, { width: 4, height: 4 }),
    call("controlPicture", image.controlPicture, picture, { width: 8, height: 8 }, { fit: "crop" }),
    call("cropCentre", image.cropCentre, picture, 2, 2),
    call("cropImage", image.cropImage, picture, { left: 0, top: 0, width: 2, height: 2 }),
    call("describeUnread", image.describeUnread, "a.gif"),
    call("edgeF1", image.edgeF1, grey, grey, 2),
    call("exifOrientation", image.exifOrientation, bytes, "PNG"),
    call("expectRgb", image.expectRgb, picture),
    call("fillMasked", image.fillMasked, picture, grey),
    call("floatsToImage", image.floatsToImage, new Float32Array(48), 4, 4),
    call("gaussianBlur", image.gaussianBlur, picture, 1),
    call("greyToRgb", image.greyToRgb, grey),
    call("imageToFloats", image.imageToFloats, picture),
    call("isReadImage", image.isReadImage, ".png"),
    call("isUnreadImage", image.isUnreadImage, ".gif"),
    call("maskOf", image.maskOf, picture),
    call("meanFollowing", image.meanFollowing, "edges", [{ image: picture, control: picture }]),
    call("mirrorImage", image.mirrorImage, picture),
    call("onWhite", image.onWhite, rgba),
    call("otherFormatHint", image.otherFormatHint, bytes),
    call("parsePreprocessing", image.parsePreprocessing, "canny"),
    call("pictureFormatOf", image.pictureFormatOf, bytes),
    call("pngFile", image.pngFile, picture, bytes, new Map(), false),
    call("pngRows", image.pngRows, picture),
    call("pngRowsWithAlpha", image.pngRowsWithAlpha, rgba),
    call("preprocessingText", image.preprocessingText, { kind: "canny", options: {} }),
    call("preprocessorName", image.preprocessorName, "canny"),
    call("preprocessorOf", image.preprocessorOf, "canny"),
    call("readPreprocessorValues", image.readPreprocessorValues, "canny", {}),
    call("resample", image.resample, picture, 2, 2, "linear"),
    call("ridgeLines", image.ridgeLines, grey, 1, 1),
    call("ridges", image.ridges, grey),
    call("showInpaintMask", image.showInpaintMask, rgba),
    call("thinLines", image.thinLines, grey, { prune: true }),
    call("trainingKernel", image.trainingKernel, { width: 4, height: 4 }, 2, 2),
    call("checkWindow", prompts.checkWindow, "generate", { start: 0, end: 1, ease: 0.1, windowBy: "comfyui" }),
    call("createWindowReader", prompts.createWindowReader, schedule, "euler"),
    call("expandPrompt", prompts.expandPrompt, "{a|b}", [1], { wildcard: () => null }),
    call("isDynamic", prompts.isDynamic, "{a|b}"),
    call("isPromptLine", prompts.isPromptLine, "a --s 2"),
    call("overlapOf", prompts.overlapOf, { size: 64, overlap: 8 }),
    call("parseComfyUiWeights", prompts.parseComfyUiWeights, "(a:1.2)"),
    call("parsePromptLine", prompts.parsePromptLine, "a --s 2"),
    call("parseWeights", prompts.parseWeights, "(a:1.2)"),
    call("partsOfPrompt", prompts.partsOfPrompt, "a AND b", { syntax: "webui" }),
    call("splitComposed", prompts.splitComposed, "a AND b"),
    call("takeLoraTags", prompts.takeLoraTags, "<lora:a:1>"),
    call("regionMasks", prompts.regionMasks, picture, null),
    call("planSampling", prompts.planSampling, {
      ...{ steps: 4, sampler: "euler", spacing: "karras", spacingOptions: {}, samplerOptions: {}, schedule },
    }),
    call("startSteps", prompts.startSteps, 10, { strength: 0.5, compat: "diffusers", stepsOffset: 0 }),
    call("createNoiseSource", prompts.createNoiseSource, "torch-cpu", [{ seed: 1 }], [2, 2, 4], [2, 1, 0]),
    call("latentMask", (...args) => prompts.latentMask(...args).dispose(), [grey], { width: 2, height: 2 }),
    call("checkSeed", random.checkSeed, "a", 1),
    call("readSeed", random.readSeed, "1"),
    call("seedAfter", random.seedAfter, 1, 1),
    call("createNumpyGenerator", random.createNumpyGenerator, 1),
    call("createNumpyRandom", random.createNumpyRandom, 1),
    call("createPythonRandom", random.createPythonRandom, 1),
    call("createStream", random.createStream, 1, "noise"),
    call("createTorchCpu", random.createTorchCpu, 1),
    call("createTorchGenerator", random.createTorchGenerator, "torch-cpu", 1),
    call("normalRows", random.normalRows, stream, 1, [2], { step: 1, index: 0 }),
    call("blocksOf", names.blocksOf, "middle"),
    call("clashOf", names.clashOf, ["middle"]),
    call("countedNotice", names.countedNotice, ["a"], "files", (n) => `${n}`),
    call("comfyUiNames", names.comfyUiNames, { sampler: "euler", spacing: "karras" }),
    call("comfyUiSampling", names.comfyUiSampling, "euler", "karras"),
    call("webuiNames", names.webuiNames, { sampler: "euler", spacing: "karras" }),
    call("webuiSampling", names.webuiSampling, "Euler", "Karras"),
    call("samplingByName", names.samplingByName, "Euler"),
    call("jsonMistake", names.jsonMistake, "{"),
    call("listText", names.listText, ["a", "b"], "or"),
    call("optimizerOfType", names.optimizerOfType, "AdamW"),
    call("readOptimizerArguments", names.readOptimizerArguments, "adamw", ["eps=1e-8"]),
    call("schedulerOfType", names.schedulerOfType, "StepLR"),
    call("readSchedulerArguments", names.readSchedulerArguments, "StepLR", ["step_size=2"], {}),
    call("readCurveArguments", names.readCurveArguments, "cosine", ["a=2"], {}),
    call("optimizerNotices", names.optimizerNotices, { name: "adamw" }, 1e-4, named),
    call("followsCurve", names.followsCurve, { name: "adamw" }),
    call("hasOwnRate", names.hasOwnRate, { name: "adamw" }),
    call("ownScheduleNotice", names.ownScheduleNotice, "lr", { name: "adamw" }),
    call("remarkNotices", names.remarkNotices, [], [".txt"]),
    call("describeUnused", names.describeUnused, []),
    call("a1111Parts", recipes.a1111Parts, "a\nSteps: 2"),
    call("a1111Text", recipes.a1111Text, recipe),
    call("adapterOptions", recipes.adapterOptions, { strength: 1, window: { start: 0, end: 1 } }),
    call("controlNetOptions", recipes.controlNetOptions, { strength: 1, window: { start: 0, end: 1 } }),
    call("firstStageRecipe", recipes.firstStageRecipe, whole({ ...recipe })),
    call("jsonSeed", recipes.jsonSeed, 1),
    call("loraOptions", recipes.loraOptions, { strength: 1 }),
    call("nameOnly", recipes.nameOnly, { path: "/a/b" }),
    call("parseWorkflow", recipes.parseWorkflow, "{}"),
    call("readPictureText", recipes.readPictureText, text, { width: 4, height: 4 }),
    call("readRecipeText", recipes.readRecipeText, text, { width: 4, height: 4 }),
    call("readWorkflow", recipes.readWorkflow, whole(workflow), {}),
    call(
      "recipeOf",
      recipes.recipeOf,
      { prompt: "a", seed: 1 },
      { steps: 2, width: 64, height: 64 },
      { model: input.model },
    ),
    call("recipeSeed", recipes.recipeSeed, recipe),
    call("recipeText", recipes.recipeText, recipe, {}),
    call("shareableRecipe", recipes.shareableRecipe, recipe),
    call("startOptions", recipes.startOptions, { strength: 0.5 }),
    call("withFiles", recipes.withFiles, recipe, (file) => file),
    call("captionChanges", training.captionChanges, "a, b", rules),
    call("captionFileNames", training.captionFileNames, "a", ".txt"),
    call("captionOfText", training.captionOfText, "a", false),
    call("checkCaptionRules", training.checkCaptionRules, rules),
    call(
      "drawCaption",
      training.drawCaption,
      { caption: "a, b", rules },
      1,
      { step: 1, index: 0 },
      { step: 1, epoch: 0, steps: 2 },
    ),
    call("longestCaption", training.longestCaption, { caption: "a, b", rules }),
    call("plainCaption", training.plainCaption, { caption: "a, b", rules }, 1, 0),
    call("frequentTexts", training.frequentTexts, { caption: "a, b", rules }, 1, 0),
    call("checkObjective", training.checkObjective, { minTimestep: 0, noise: { offset: 0.1 } }),
    call("checkOptimizer", training.checkOptimizer, { name: "adamw" }),
    call("checkTrainOptions", training.checkTrainOptions, { steps: 1, batchSize: 1, learningRate: 1e-4, seed: 1 }),
    call("clipGradients", training.clipGradients, [new Float32Array(2)], 1),
    call("controlValues", training.controlValues, [picture]),
    call("limitingValues", training.limitingValues, [picture]),
    call("createBatchOrder", training.createBatchOrder, [{ width: 8, height: 8 }], 1, stream),
    call("createBuckets", training.createBuckets, { resolution: [512, 512], step: 64 }),
    call("createExampleMemo", training.createExampleMemo, 100),
    call("createLrSchedule", training.createLrSchedule, { learningRate: 1e-4, totalSteps: 10, curve: "constant" }),
    call("createPartFeedback", training.createPartFeedback, null),
    call("cropCondition", training.cropCondition, [9, 9], [8, 8], false),
    call("drawHole", training.drawHole, { width: 8, height: 8 }, stream, { step: 1, index: 0 }),
    call("elementwiseLoss", training.elementwiseLoss, rows(), rows(), "l2"),
    call("emaDecay", training.emaDecay, { decay: 0.9 }, 1),
    call("fileStrides", training.fileStrides, [2, 2]),
    call("groupsOfParts", training.groupsOfParts, 4),
    call("huberDelta", training.huberDelta, { schedule: "snr" }, 1, 1000, 1),
    call("initOptimizer", training.initOptimizer, { name: "adamw" }),
    call("largestBatch", training.largestBatch, [{ width: 8, height: 8 }], 1),
    call("lossWeight", training.lossWeight, { minSnrGamma: 5 }, "epsilon", 1),
    call("roundGradients", training.roundGradients, new Float32Array(8), null, new Float32Array(8)),
    call("settingsOf", training.settingsOf, { name: "adamw", options: {} }, {}),
    call("shareAt", training.shareAt, { floor: 0, top: 1, power: 1 }, 0.5),
    call("stepsPerEpoch", training.stepsPerEpoch, [{ width: 8, height: 8 }], 1, 1),
    call("adamWFactors", training.adamWFactors, 1, 1e-4, { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 }),
    call("validationTimesteps", training.validationTimesteps, { minTimestep: 0 }),
    call("weightedMean", training.weightedMean, rows(), [1]),
    call("captionOf", tiny.captionOf, scene),
    call("curvePaths", tiny.curvePaths, [1, 2], { width: 10, height: 10 }),
    call("datasetOfPairs", tiny.datasetOfPairs, 1, () => ({ image: drawing, control: drawing, caption: "a" })),
    call("distanceToShape", tiny.distanceToShape, scene.shapes[0], 1, 1),
    call("drawScene", tiny.drawScene, scene, 64),
    call("findShapes", tiny.findShapes, drawing),
    call("heldOutDrawing", tiny.heldOutDrawing, 1),
    call("judge", tiny.judge, drawing, "a red star"),
    call("makeScene", tiny.makeScene, 1, 0),
    call("parseCaption", tiny.parseCaption, "a red star"),
    call("runningMean", tiny.runningMean, [1, 2], 2),
    call("trainingDrawing", tiny.trainingDrawing, 1),
  ]
}

function same(x) {
  return tf.clone(x)
}
