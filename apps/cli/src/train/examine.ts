import type { Prediction } from "@lllite/core/diffusion"
import type { LlliteFile, Site, UnetLayout } from "@lllite/format"
import { adapterParameterCount, DTYPE_BITS } from "@lllite/format"
import type { FolderDataset, SavedRun } from "@lllite/runtime-node"
import { checkTrainState, InputError, readTrainState, withPath } from "@lllite/runtime-node"
import type { OptionReader } from "@lllite/runtime-node/options"
import { openLllite } from "../lllite-file/open-lllite.ts"
import { statedPrediction } from "../model/checkpoint.ts"
import { examineModel } from "../model/examine-model.ts"
import type { Reporter } from "../terminal/progress.ts"
import { formOf } from "./adapter-form.ts"
import { checkCachedCaptions, examineCachedParts, openTrainingSet } from "./cached-set.ts"
import { tryPort } from "./dashboard/dashboard.ts"
import { checkFirstLllite } from "./first-lllite.ts"
import { tryLogFolder } from "./log/log-folder.ts"
import { readThumbnail } from "./metadata.ts"
import type { TRAIN_OPTIONS } from "./options/index.ts"
import { readSampleFile } from "./samples/prompt-file.ts"
import { planSamples } from "./samples/sample-plan.ts"
import { trySavedFiles } from "./saved-files.ts"
import type { TrainSettings } from "./settings.ts"
import { sitesOf } from "./sites.ts"
import type { StepPlan } from "./step-plan.ts"
import { planSteps } from "./step-plan.ts"
import { examineFolders } from "./training-set.ts"
import { holdOut, type TrainingSet } from "./validation/hold-out.ts"
import { heldOutSeed, unusedValidation } from "./validation/validation-settings.ts"

/**
 * Examines the files of a training. The reader keeps the problems. Nothing is loaded: that takes long.
 *
 * @returns the data set. Null if there is a problem with it
 */
export async function examineTraining(
  reader: OptionReader<typeof TRAIN_OPTIONS>,
  settings: TrainSettings,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<TrainingSet | null> {
  const { examine } = reader
  const { networkWeights } = settings
  const model = await examineModel(reader, "pretrainedModelNameOrPath", settings.model, (config) => {
    if (config.inChannels === config.outChannels) return
    throw new InputError(
      "model-part",
      `"${settings.model.checkpoint}" is an inpainting checkpoint, on which an LLLite cannot be trained. Give a checkpoint for text to image.`,
    )
  })
  const layout = model?.config.layout ?? null
  const isWhole = model?.isWhole === true
  if (isWhole) {
    checkWeights(reader, settings.vParameterization ? "v" : await statedPrediction(settings.model))
  }
  const start =
    networkWeights === undefined || settings.resume !== undefined
      ? null
      : await examine(["networkWeights"], () => withPath(networkWeights, openLllite))
  const { resume } = settings
  const saved = resume === undefined ? null : await examine(["resume"], () => savedRun(resume, layout))
  checkOptimizer(reader, settings, saved)
  const keys =
    "config" in settings.dataset.source
      ? (["datasetConfig"] as const)
      : (["trainDataDir", "conditioningDataDir", "resolution", "bucketResoSteps"] as const)
  const parts = await examineCachedParts(reader, settings, isWhole, signal)
  const areFolders = await examineFolders(reader, settings.dataset)
  const folders = areFolders
    ? await examine(keys, () => openTrainingSet(settings, TRAIN, parts, reporter, signal))
    : null
  const dataset =
    folders === null ? null : await examine(["validationSplit", ...keys], async () => heldOutOf(folders, reader))
  await examine(["cacheTextEncoderOutputs", "cacheTextEncoderOutputsToDisk"], async () =>
    checkCachedCaptions(settings, dataset),
  )
  const keysOfRate = [
    ...(["lrScheduler", "lrSchedulerType", "lrSchedulerArgs", "lrWarmupSteps", "lrDecaySteps"] as const),
    ...(["learningRate", "optimizerType", "optimizerArgs", "ema"] as const),
  ] as const
  const plan = dataset === null ? null : await examine(keysOfRate, async () => planSteps(settings, dataset))
  const keysOfLength = ["resume", "maxTrainSteps", "maxTrainEpochs"] as const
  await examine(keysOfLength, async () => checkLength(saved, plan, settings))
  await examine(["metadataThumbnail"], () => readThumbnail(settings.metadataThumbnail))
  const sites =
    layout === null
      ? null
      : await examine(["sites", "siteBlocks", "siteMaxTransformerBlock"], async () => sitesOf(layout, settings.sites))
  const found = saved?.state.model.adapters.map(({ site, ...dims }) => ({ ...site, ...dims })) ?? start?.sites
  if (found !== undefined) {
    checkFirstLllite(reader, { path: resume ?? networkWeights ?? "", adapters: found }, sites)
  }
  const bytes = llliteBytes(settings, sites ?? [], found)
  await examine(["outputDir", "outputName"], () => trySavedFiles(settings, plan, bytes, saved?.state.step ?? 0))
  const { samples } = settings
  if (samples !== null) {
    const prompts = samples.prompts
    await examine(["samplePrompts"], async () => {
      if (dataset !== null) await planSamples(samples, dataset, dataset.heldOut ?? dataset, settings.seed)
      else if (prompts !== null) await readSampleFile(prompts)
    })
  }
  await examine(["dashboardPort"], () => tryPort(settings.dashboardPort ?? null))
  await examine(["loggingDir", "logPrefix", "logTrackerName"], () => tryLogFolder(settings.log))
  return dataset
}

/** The state of a run. Null where the U-Net is not known: then only its file is examined. */
async function savedRun(path: string, layout: UnetLayout | null): Promise<SavedRun | null> {
  if (layout !== null) return readTrainState(path, layout)
  await checkTrainState(path)
  return null
}

/** The state of an optimizer is of no use to another one. */
function checkOptimizer(
  { check, nameOf }: OptionReader<typeof TRAIN_OPTIONS>,
  { optimizer, resume }: TrainSettings,
  saved: SavedRun | null,
): void {
  check(["resume", "optimizerType"], () => {
    const [now, before] = [optimizer.name, saved?.state.optimizer.name ?? optimizer.name]
    return now === before
      ? null
      : `the optimizer is ${now}, and the state of "${resume}" is of ${before}. Give ${nameOf("optimizerType")} ${before}, or begin anew without ${nameOf("resume")}`
  })
}

/** Weights of the loss are of one kind of prediction. Source: sd-scripts `verify_training_args`. */
function checkWeights({ settings, check, nameOf }: OptionReader<typeof TRAIN_OPTIONS>, prediction: Prediction): void {
  const [like, scale] = [nameOf("vPredLikeLoss"), nameOf("scaleVPredLossLikeNoisePred")]
  check(["vPredLikeLoss", "vParameterization"], () =>
    (settings.vPredLikeLoss ?? 0) !== 0 && prediction === "v"
      ? `${like} is for a checkpoint that predicts noise, and this one predicts v. Leave it out`
      : null,
  )
  check(["scaleVPredLossLikeNoisePred", "vParameterization"], () =>
    settings.scaleVPredLossLikeNoisePred && prediction === "epsilon"
      ? `${scale} is for a checkpoint that predicts v, and this one predicts noise. Leave it out, or give ${nameOf("vParameterization")} for one that predicts v`
      : null,
  )
}

/** The data set in its two parts, with what is to be said of them. */
function heldOutOf(folders: FolderDataset, reader: OptionReader<typeof TRAIN_OPTIONS>): TrainingSet {
  const set = holdOut(folders, heldOutSeed(reader.settings))
  return set.heldOut === null ? { ...set, notices: [...set.notices, ...unusedValidation(reader)] } : set
}

/** Bytes of the values in the LLLite's file. @param from the sites of the LLLite that the run begins with */
function llliteBytes(settings: TrainSettings, chosen: readonly Site[], from?: LlliteFile["sites"]): number {
  const sites = from ?? chosen.map((site) => ({ ...site, ...formOf(settings) }))
  return (adapterParameterCount(sites) * DTYPE_BITS[settings.dtype]) / 8
}

/** @throws InputError when a run that continues has more steps than it is to have */
function checkLength(saved: SavedRun | null, plan: StepPlan | null, { resume = "" }: TrainSettings): void {
  if (saved === null || plan === null || saved.state.step <= plan.steps) return
  throw new InputError(
    "state-file",
    `"${resume}" is after step ${saved.state.step}, and the run has ${plan.steps}. Give it more steps, or an earlier state.`,
  )
}

/** The reader of the data set. */
const TRAIN = {
  label: "train",
  ownOption: "It is an option of train. Put it into the file of --config_file, or on the command line.",
} as const
