import "@tensorflow/tfjs-backend-cpu"
import { zeros } from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import * as diffusion from "../src/diffusion/index.ts"
import { CoreError } from "../src/errors.ts"
import * as generation from "../src/generation/index.ts"
import * as image from "../src/image/index.ts"
import * as names from "../src/names.ts"
import * as prompt from "../src/prompt/index.ts"
import * as random from "../src/random/index.ts"
import * as recipe from "../src/recipe/index.ts"
import * as training from "../src/training/index.ts"

/** What programs without types give: what they forgot, what they did not await, and another kind. */
const WRONG: readonly unknown[] = [undefined, null, Promise.resolve({}), {}, true]

/** Functions whose first argument cannot be one of these. */
const FIRST: Readonly<Record<string, (...args: never) => unknown>> = {
  ...only(diffusion, "alphaAt", "snrAt", "sigmaAt", "timestepAt", "noiseLevels", "listedLevels", "findSampler"),
  ...only(diffusion, "addsNoise", "checkSamplerOptions", "startFactor", "sinusoidalEmbedding", "sizeEmbedding"),
  ...only(diffusion, "addNoise", "velocity", "combineGuidance", "rescaleGuidance", "withGuidance", "createDenoiser"),
  ...only(image, "applyGamma", "shiftHue", "binaryMask", "canny", "chooseMeasure", "cropCentre", "cropImage"),
  ...only(image, "edgeF1", "exifOrientation", "expectRgb", "fillMasked", "floatsToImage", "gaussianBlur", "greyToRgb"),
  ...only(image, "imageToFloats", "isReadImage", "isUnreadImage", "maskOf", "meanFollowing", "mirrorImage", "onWhite"),
  ...only(image, "parsePreprocessing", "pictureFormatOf", "otherFormatHint", "pngRows", "pngRowsWithAlpha"),
  ...only(image, "preprocessingText", "preprocessorName", "preprocessorOf", "ridges", "ridgeLines", "rgbToGrey"),
  ...only(image, "showInpaintMask", "thinLines", "describeUnread", "checkPreprocessing", "readPreprocessorValues"),
  ...only(prompt, "expandPrompt", "isDynamic", "isPromptLine", "parseComfyUiWeights", "parsePromptLine"),
  ...only(prompt, "parseWeights", "partsOfPrompt", "splitComposed", "takeLoraTags"),
  ...only(generation, "regionMasks", "createNoiseSource", "createWindowReader", "latentMask", "startSteps"),
  ...only(random, "createNumpyGenerator", "createNumpyRandom", "createPythonRandom", "createStream", "createTorchCpu"),
  ...only(random, "createTorchGenerator", "normalRows", "seedAfter"),
  ...only(names, "blocksOf", "clashOf", "jsonMistake", "listText", "optimizerOfType", "readOptimizerArguments"),
  ...only(names, "schedulerOfType", "samplingByName", "webuiSampling", "comfyUiSampling", "describeUnused"),
  ...only(recipe, "a1111Parts", "a1111Text", "adapterOptions", "controlNetOptions", "firstStageRecipe", "nameOnly"),
  ...only(recipe, "parseWorkflow", "readPictureText", "readRecipeText", "recipeText", "shareableRecipe", "withFiles"),
  ...only(recipe, "createRecipe", "readRecipe", "recipeSeed", "jsonSeed", "readWorkflow"),
  ...only(training, "captionChanges", "captionFileNames", "captionOfText", "clipGradients", "controlValues"),
  ...only(training, "createBatchOrder", "createBuckets", "createLrSchedule", "cropCondition", "drawHole"),
  ...only(training, "elementwiseLoss", "fileStrides", "initOptimizer", "largestBatch", "roundGradients"),
  ...only(training, "settingsOf", "stepsPerEpoch", "weightedMean", "processCaption", "checkOptimizer"),
}

describe("wrong first arguments", () => {
  it.each(Object.entries(FIRST))("%s refuses them", (_, run) => {
    for (const wrong of WRONG) {
      expect(() => (run as (argument: unknown) => unknown)(wrong), names.valueText(wrong)).toThrow(CoreError)
    }
  })
})

describe("numbers that no machine can hold", () => {
  it.each<readonly [string, () => unknown]>([
    ["timesteps of a schedule", () => diffusion.createNoiseSchedule({ timesteps: 1e9 })],
    ["the width of an embedding", () => diffusion.sinusoidalEmbedding(1, 1e9)],
    ["rows of a batch", () => diffusion.passRows(1e9, true)],
    ["values of a draw", () => random.createStream(1, "x").normal([1e9])],
    ["a blur", () => image.gaussianBlur({ width: 1, height: 1, data: new Uint8Array(3) }, 1e9)],
    ["a tolerance", () => image.edgeF1(grey(), grey(), 1e9)],
    ["the parts of a step", () => training.groupsOfParts(1e9)],
    ["the side of a hole", () => training.drawHole({ width: 1e9, height: 1 }, random.createStream(1, "x"), {})],
  ])("%s are refused at once", (_, run) => {
    expect(run).toThrow(CoreError)
  })
})

it("a denoiser that gives no tensor is named", async () => {
  const start = zeros([1, 2])
  const steps = diffusion.findSampler("euler").sample((() => undefined) as never, start, [2, 1, 0])
  await expect(steps.next()).rejects.toThrow("sampler: what the denoiser gives is missing, expected a tensor")
  start.dispose()
})

it("an option of a sampler's run that does not exist is named", () => {
  const settings = { option: {} } as never
  expect(() => diffusion.findSampler("euler").sample((x) => x, zeros([1]), [1, 0], settings)).toThrow(
    'sampler: there is no option "option"',
  )
})

function only<T extends object, Name extends keyof T & string>(entry: T, ...chosen: readonly Name[]): Pick<T, Name> {
  return Object.fromEntries(chosen.map((name) => [name, entry[name]])) as Pick<T, Name>
}

function grey(): image.GreyImage {
  return { width: 1, height: 1, data: new Uint8Array(1) }
}
