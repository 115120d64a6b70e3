import type { RecipeInput } from "@lllite/core/recipe"
import type { SettingName } from "@lllite/runtime-node/options"
import type { GENERATE_OPTIONS } from "../options.ts"

/**
 * A part of a recipe that an option decides: a field, a field of `prompts` or `model`, or a field of every
 * adapter, such as `adapters.strength`.
 */
export type RecipePart =
  | Exclude<keyof RecipeInput, "prompt" | "seed">
  | `prompts.${string}`
  | `model.${string}`
  | `adapters.${string}`
  | `start.${string}`
  | `hires.${string}`

/** LoRAs, which all of their options decide together. */
const LORAS: readonly RecipePart[] = ["model.loras", "loras"]

/**
 * Which part of a recipe each option decides. With --workflow and --from, an option that is given wins over the file in
 * its part. `null` decides none, because it is not about a recipe, or because the plan of pictures reads it.
 */
export const OPTION_PARTS: { readonly [Name in SettingName<typeof GENERATE_OPTIONS>]: readonly RecipePart[] | null } = {
  ckpt: ["model.checkpoint"],
  vae: ["model.vae"],
  unet: ["model.unet"],
  vParameterization: ["model.prediction"],
  clipSkip: ["prompts.clipSkip"],
  // One text is given for both encoders.
  prompt: ["firstPrompt", "parts"],
  negativePrompt: ["negativePrompt", "firstNegativePrompt"],
  fromFile: ["firstPrompt", "parts"],
  interactive: null,
  batchSize: null,
  workflow: null,
  from: null,
  modelsDir: null,
  saveWorkflow: null,
  extraModelPathsConfig: null,
  wildcardDir: null,
  promptSyntax: ["prompts.syntax"],
  nIter: null,
  maxEmbeddingsMultiples: ["prompts.maxChunks"],
  embNormalizeMode: ["prompts.normalization"],
  compat: ["prompts.compat", "combine"],
  controlNetLlliteModels: ["adapters"],
  guideImagePath: ["adapters.control.file"],
  guideFit: ["adapters.control.fit"],
  controlNetPreps: ["adapters.control.preprocess"],
  controlNetMultipliers: ["adapters.strength"],
  controlNetRatios: ["adapters.window"],
  controlNetGuessMode: ["adapters.guessMode"],
  controlNetTypes: ["adapters.controlType"],
  llliteStarts: ["adapters.window"],
  llliteEases: ["adapters.window"],
  llliteCurves: ["adapters.curve"],
  llliteBlocks: ["adapters.blocks"],
  llliteCond: ["adapters.guidance"],
  llliteUncond: ["adapters.guidance"],
  llliteMasks: ["adapters.mask"],
  llliteHoles: ["adapters.hole"],
  llliteMaskFeathers: ["adapters.mask"],
  llliteCombine: ["combine"],
  llliteMap: null,
  textualInversionEmbeddings: ["textualInversions"],
  networkWeights: LORAS,
  networkArgs: LORAS,
  networkMerge: LORAS,
  networkMergeNModels: LORAS,
  networkRegionalMaskMaxColorCodes: ["regions"],
  loraDir: null,
  networkMul: LORAS,
  // A side that is given changes the other in proportion.
  W: ["width", "height"],
  H: ["width", "height"],
  steps: ["steps"],
  scale: ["guidanceScale"],
  negativeScale: ["negativeScale"],
  sampler: ["sampler", "spacing", "samplerOptions", "spacingOptions"],
  spacing: ["spacing"],
  eta: ["samplerOptions"],
  samplerArgs: ["samplerOptions"],
  spacingArgs: ["spacingOptions"],
  guidanceRescale: ["guidanceRescale"],
  guidanceStart: ["guidanceWindow"],
  guidanceEnd: ["guidanceWindow"],
  deepCacheInterval: ["deepCache"],
  deepCacheDepth: ["deepCache"],
  fast: ["guidanceWindow", "deepCache"],
  zeroTerminalSnr: ["zeroTerminalSnr"],
  rng: ["noise"],
  pyramidNoiseProb: ["startNoise"],
  pyramidNoiseDiscountRange: ["startNoise"],
  noiseOffsetProb: ["startNoise"],
  noiseOffsetRange: ["startNoise"],
  seed: null,
  imagesPerPrompt: null,
  iterSameSeed: null,
  imagePath: ["start.image"],
  maskPath: ["start.mask", "start.maskChannel", "regions"],
  strength: ["start.strength", "hires.strength"],
  useOriginalFileName: null,
  forceSchedulerZeroStepsOffset: ["start.stepsOffset", "hires.stepsOffset"],
  highresFixScale: ["hires"],
  highresFixSteps: ["hires.steps"],
  highresFixStrength: ["start.strength"],
  highresFixSave1st: null,
  highresFixLatentsUpscaling: ["hires.upscaler"],
  highresFixUpscaler: ["hires.upscaler"],
  highresFixDisableControlNet: ["hires.control"],
  dsDepth1: ["deepShrink"],
  dsTimesteps1: ["deepShrink"],
  dsDepth2: ["deepShrink"],
  dsTimesteps2: ["deepShrink"],
  dsRatio: ["deepShrink"],
  gradualLatentTimesteps: ["gradualLatent"],
  gradualLatentRatio: ["gradualLatent"],
  gradualLatentRatioStep: ["gradualLatent"],
  gradualLatentEveryNSteps: ["gradualLatent"],
  gradualLatentSNoise: ["gradualLatent"],
  gradualLatentUnsharpParams: ["gradualLatent"],
  tile: ["tiles"],
  tileOverlap: ["tiles"],
  vaeTile: ["vaeTiles"],
  strict: null,
  originalWidthNegative: null,
  originalHeightNegative: null,
  originalWidth: null,
  originalHeight: null,
  cropTop: null,
  cropLeft: null,
  outdir: null,
  vaeSlices: null,
  backend: null,
  precision: null,
  weights: null,
  offline: null,
}
