import type {
  EmaOptions,
  HuberOptions,
  LossWeightOptions,
  NoiseOptions,
  OptimizerChoice,
  StrengthRange,
} from "@lllite/core/training"
import type { FloatDtype } from "@lllite/format"
import type { DatasetOptions, SdxlPaths } from "@lllite/runtime-node"
import type { OptionReader, Settings } from "@lllite/runtime-node/options"
import { bucketStepProblem, resolutionProblem } from "@lllite/runtime-node/options"
import type { RuntimeChoice } from "../model/runtime-options.ts"
import { runtimeChoice, sdxlPaths } from "../model/runtime-options.ts"
import { checkForm, formNotices } from "./adapter-form.ts"
import { readEma } from "./ema-settings.ts"
import type { LogSettings } from "./log/log-settings.ts"
import { readLogging } from "./log/log-settings.ts"
import { readNoise } from "./noise-settings.ts"
import { readOptimizer } from "./optimizer-settings.ts"
import type { TRAIN_OPTIONS } from "./options/index.ts"
import type { PresetPlan } from "./preset.ts"
import { readPreset } from "./preset.ts"
import { type RankSettings, readRanks } from "./ranks/rank-settings.ts"
import type { LrSettings } from "./rate-settings.ts"
import { readRate } from "./rate-settings.ts"
import type { SampleSettings } from "./samples/sample-settings.ts"
import { readSamples } from "./samples/sample-settings.ts"
import { type SaveEvery, saveNotices } from "./save-rhythm.ts"
import type { SitePlan } from "./sites.ts"
import type { ValidationSettings } from "./validation/validation-settings.ts"
import { readValidation } from "./validation/validation-settings.ts"

type TrainTable = typeof TRAIN_OPTIONS
type TrainReader = OptionReader<TrainTable>

/** Tokens of a caption in one chunk. */
const CHUNK_LENGTH = 75

/** Source of the pictures. */
export interface DatasetSettings {
  readonly source: { readonly config: string } | { readonly imageDir: string; readonly conditioningDataDir: string }
  /** The name of a data set's option in `train`, as the user wrote it. */
  readonly nameOf: (option: keyof DatasetOptions) => string
}

/** The checked settings of `train`: the options, and settings derived from several of them. */
export interface TrainSettings extends Omit<Settings<TrainTable>, "batchParts" | "ema" | "preset" | "ranks" | "sites"> {
  /** Null: none is chosen. */
  readonly preset: PresetPlan | null
  readonly model: SdxlPaths
  readonly dataset: DatasetSettings
  readonly length: { readonly steps: number } | { readonly epochs: number }
  readonly lr: LrSettings
  /** Factors on the rate, by the group of an adapter's part. Null: one rate for all. */
  readonly partRates: Readonly<Record<string, number>> | null
  readonly optimizer: OptimizerChoice
  readonly sites: SitePlan
  /** Null: the file gets the weights of the last step. */
  readonly ema: EmaOptions | null
  /** Chunks of 75 tokens that are read of a caption. */
  readonly captionChunks: number
  /** Whether the file's metadata names the timesteps. */
  readonly recordsTimesteps: boolean
  readonly huber: HuberOptions
  readonly noise: NoiseOptions
  readonly lossWeights: LossWeightOptions
  /** Null: strength 1 alone. */
  readonly strengthRange: StrengthRange | null
  readonly runtime: RuntimeChoice
  /** Parts of a batch that are computed apart. */
  readonly batchParts: number
  /** The processes that compute the run. Null: this one alone. */
  readonly ranks: RankSettings | null
  /** Null: the run is not logged. */
  readonly log: LogSettings | null
  /** Null: no pictures are drawn. */
  readonly samples: SampleSettings | null
  readonly validation: ValidationSettings
  readonly dtype: FloatDtype
  readonly saveEvery: SaveEvery
  /** Options that have no effect here, one sentence each. */
  readonly notices: readonly string[]
}

/**
 * Checks options that depend on each other, and derives settings from several options. The reader keeps the problems.
 * It has the options of its preset, see `withPreset`.
 *
 * The settings are right if its `finish` does not throw.
 */
export function readTrainSettings(reader: TrainReader): TrainSettings {
  checkTraining(reader)
  const captionChunks = readCaptionChunks(reader)
  const dataset = readDataset(reader)
  const { optimizer, followsCurve, notices } = readOptimizer(reader)
  const rate = readRate(reader, optimizer, followsCurve)
  const averaging = readEma(reader)
  const huber = readHuber(reader)
  const noise = readNoise(reader)
  const logging = readLogging(reader)
  const sampling = readSamples(reader)
  const validating = readValidation(reader)
  const { ranks, batchParts, notices: rankNotices } = readRanks(reader)
  checkForm(reader)
  const values = reader.settings
  return {
    ...values,
    preset: readPreset(reader),
    model: sdxlPaths(values.pretrainedModelNameOrPath, values),
    dataset,
    length: values.maxTrainEpochs === undefined ? { steps: values.maxTrainSteps } : { epochs: values.maxTrainEpochs },
    lr: rate.lr,
    partRates: rate.partRates,
    optimizer,
    sites: {
      ...{ choice: values.sites, blocks: values.siteBlocks ?? null },
      maxTransformerBlock: values.siteMaxTransformerBlock ?? null,
    },
    ema: averaging.ema,
    captionChunks,
    recordsTimesteps: reader.isGiven("minTimestep") || reader.isGiven("maxTimestep"),
    huber,
    noise: noise.noise,
    lossWeights: {
      ...(values.minSnrGamma === undefined ? {} : { minSnrGamma: values.minSnrGamma }),
      ...(values.vPredLikeLoss ? { vPredictionLike: values.vPredLikeLoss } : {}),
      ...(values.debiasedEstimationLoss ? { debiased: true } : {}),
      ...(values.scaleVPredLossLikeNoisePred ? { scaleVLikeNoise: true } : {}),
    },
    strengthRange: readStrengths(values),
    runtime: runtimeChoice(values),
    ...{ ranks, batchParts },
    log: logging.log,
    samples: sampling.samples,
    validation: validating.validation,
    dtype: values.savePrecision,
    saveEvery: savingRhythm(values),
    notices: [
      ...reader.notes,
      ...formNotices(reader),
      ...foldersUnused(reader),
      ...lengthNotices(reader),
      ...notices,
      ...rate.notices,
      ...averaging.notices,
      ...noise.notices,
      ...saveNotices(reader),
      ...logging.notices,
      ...sampling.notices,
      ...validating.notices,
      ...rankNotices,
      ...terminalNotices(reader),
      ...keptFileNotices(reader),
      ...unusedNotices(reader),
    ],
  }
}

function savingRhythm(values: Settings<TrainTable>): SaveEvery {
  const { saveEveryNSteps: steps, saveEveryNEpochs: epochs, saveNEpochRatio: epochRatio } = values
  return {
    ...(steps === undefined ? {} : { steps }),
    ...(epochs === undefined ? {} : { epochs }),
    ...(epochRatio === undefined ? {} : { epochRatio }),
  }
}

function checkTraining({ settings, check, nameOf }: TrainReader): void {
  check(["maskedLoss", "alphaMask", "datasetConfig"], () =>
    settings.maskedLoss && !settings.alphaMask && settings.datasetConfig === undefined
      ? `${nameOf("maskedLoss")} needs ${nameOf("alphaMask")}: a mask is the alpha of the pictures. Give both, or leave it out`
      : null,
  )
  check(["outputName"], () =>
    /[/\\]/.test(settings.outputName)
      ? `${nameOf("outputName")} is "${settings.outputName}", expected a file name without folder and extension`
      : null,
  )
  check(["minTimestep", "maxTimestep"], () => {
    const { minTimestep, maxTimestep } = settings
    if (minTimestep < maxTimestep) return null
    return `${nameOf("minTimestep")} is ${minTimestep} and ${nameOf("maxTimestep")} is ${maxTimestep}, expected the first below the second`
  })
}

/** Chunks of 75 tokens that are read of a caption. The reader keeps the problems. */
export function readCaptionChunks({ settings, check, nameOf }: TrainReader): number {
  check(["maxTokenLength"], () =>
    settings.maxTokenLength % CHUNK_LENGTH === 0
      ? null
      : `${nameOf("maxTokenLength")} is ${settings.maxTokenLength}, expected 75, 150 or 225`,
  )
  return settings.maxTokenLength / CHUNK_LENGTH
}

/** The source of the pictures. The reader keeps the problems. */
export function readDataset({ settings, check, isGiven, nameOf }: TrainReader): DatasetSettings {
  const { datasetConfig, resolution, enableBucket, bucketResoSteps } = settings
  const names: DatasetSettings["nameOf"] = (option) => {
    if (option === "batchSize") return nameOf("trainBatchSize")
    if (option === "numRepeats") return nameOf("datasetRepeats")
    if (option === "metadataFile") return nameOf("inJson")
    // These stand in files of data sets alone.
    if (option === "classTokens") return "class_tokens"
    if (option === "shards") return "shards"
    if (option === "shardControl") return "shard_control"
    if (option === "shardBuffer") return "shard_buffer"
    return nameOf(option === "imageDir" ? "trainDataDir" : option)
  }
  if (datasetConfig !== undefined) return { source: { config: datasetConfig }, nameOf: names }
  for (const name of ["trainDataDir", "conditioningDataDir"] as const) {
    check([name, "datasetConfig"], () =>
      isGiven(name)
        ? null
        : `${nameOf(name)} is missing, expected ${nameOf("trainDataDir")} and ${nameOf("conditioningDataDir")}, or ${nameOf("datasetConfig")}`,
    )
  }
  check(["resolution", "enableBucket", "datasetConfig"], () => resolutionProblem(resolution, enableBucket, nameOf))
  check(["bucketResoSteps", "enableBucket"], () => bucketStepProblem(bucketResoSteps, enableBucket, nameOf))
  const { trainDataDir: imageDir = "", conditioningDataDir = "" } = settings
  return { source: { imageDir, conditioningDataDir }, nameOf: names }
}

function foldersUnused({ settings, isGiven, nameOf }: TrainReader): readonly string[] {
  if (settings.datasetConfig === undefined) {
    // sd-scripts ignores it there, too.
    return isGiven("datasetRepeats")
      ? [`${nameOf("datasetRepeats")} has no effect: ${nameOf("datasetConfig")} is not given.`]
      : []
  }
  return (["trainDataDir", "conditioningDataDir", "inJson"] as const).flatMap((name) => {
    const advice = name === "inJson" ? " Write it as metadata_file of a subset there." : ""
    return isGiven(name) ? [`${nameOf(name)} has no effect: ${nameOf("datasetConfig")} is given.${advice}`] : []
  })
}

/** Source: sd-scripts, where epochs replace steps. */
function lengthNotices({ isGiven, nameOf }: TrainReader): readonly string[] {
  if (!isGiven("maxTrainSteps") || !isGiven("maxTrainEpochs")) return []
  return [`${nameOf("maxTrainSteps")} has no effect: ${nameOf("maxTrainEpochs")} is given.`]
}

const HUBER_OPTIONS = ["huberSchedule", "huberC", "huberScale"] as const

const STRENGTH_OPTIONS = ["strengthFloor", "strengthTop", "strengthPower", "strengthSkew", "strengthGap"] as const

/** Defaults of sd-scripts, which programs write into every file. They ask for nothing. */
const NEUTRAL: Readonly<Record<(typeof HUBER_OPTIONS)[number], unknown>> = {
  huberSchedule: "snr",
  huberC: 0.1,
  huberScale: 1,
}

/** Without v prediction, the last timestep has nothing to learn. Source: sd-scripts, which warns, too. */
function terminalNotices({ settings, nameOf }: TrainReader): readonly string[] {
  if (!settings.zeroTerminalSnr || settings.vParameterization) return []
  return [
    `${nameOf("zeroTerminalSnr")} is meant for a checkpoint that predicts v, with ${nameOf("vParameterization")}.`,
  ]
}

function readHuber({ settings }: TrainReader): HuberOptions {
  const { huberSchedule: schedule, huberC } = settings
  // sd-scripts ignores the scale of this schedule.
  const huberScale = schedule === "snr" ? undefined : settings.huberScale
  return {
    schedule,
    ...(huberC === undefined ? {} : { delta: huberC }),
    ...(huberScale === undefined ? {} : { scale: huberScale }),
  }
}

function readStrengths(values: Settings<TrainTable>): StrengthRange | null {
  const { minStrength: min, strengthFloor: floor, strengthTop: top, strengthPower: power } = values
  const { strengthSkew: skew, strengthGap: gap } = values
  if (min === 1) return null
  return {
    min,
    ...(floor === undefined ? {} : { floor }),
    ...(top === undefined ? {} : { top }),
    ...(power === undefined ? {} : { power }),
    ...(skew === undefined ? {} : { skew }),
    ...(gap === undefined ? {} : { gap }),
  }
}

/** Options of a run's start that a state or a file replaces. */
function startNotices({ settings, isGiven, nameOf }: TrainReader): readonly string[] {
  const { resume, networkWeights, conditionerInit } = settings
  if (resume !== undefined) {
    if (networkWeights === undefined) return []
    return [`${nameOf("networkWeights")} has no effect: the state of ${nameOf("resume")} has its own LLLite.`]
  }
  if (networkWeights === undefined || !isGiven("conditionerInit") || conditionerInit === "default") return []
  return [`${nameOf("conditionerInit")} has no effect: the LLLite of ${nameOf("networkWeights")} has its own values.`]
}

/** Files that a run writes beside the user's pictures. */
function keptFileNotices({ settings, nameOf }: TrainReader): readonly string[] {
  return [
    ...(settings.cacheLatentsToDisk
      ? [
          `${nameOf("cacheLatentsToDisk")} keeps latents beside each picture, in a file such as NAME_0512x0768_sdxl.npz.`,
        ]
      : []),
    ...(settings.cacheTextEncoderOutputsToDisk
      ? [
          `${nameOf("cacheTextEncoderOutputsToDisk")} keeps the encoded caption beside each picture, in a file such as NAME_te_outputs.npz.`,
        ]
      : []),
  ]
}

/** Options that have no effect beside others. A default is not named: it asks for nothing. */
function unusedNotices(reader: TrainReader): readonly string[] {
  const { settings, nameOf } = reader
  const { lossType } = settings
  const isHuber = lossType === "huber" || lossType === "smooth_l1"
  const isUnused = (name: (typeof HUBER_OPTIONS)[number]): boolean =>
    reader.isGiven(name) && settings[name] !== NEUTRAL[name]
  return [
    ...(settings.skipCacheCheck && !settings.cacheLatentsToDisk && !settings.cacheTextEncoderOutputsToDisk
      ? [
          `${nameOf("skipCacheCheck")} has no effect: neither ${nameOf("cacheLatentsToDisk")} nor ${nameOf("cacheTextEncoderOutputsToDisk")} is set.`,
        ]
      : []),
    ...startNotices(reader),
    ...(settings.maskedLoss && !settings.alphaMask
      ? [`${nameOf("maskedLoss")} has no effect by itself: alpha_mask of a data set weighs its loss.`]
      : []),
    ...STRENGTH_OPTIONS.filter((name) => settings.minStrength === 1 && reader.isGiven(name)).map(
      (name) => `${nameOf(name)} has no effect: ${nameOf("minStrength")} is 1.`,
    ),
    ...HUBER_OPTIONS.filter((name) => !isHuber && isUnused(name)).map(
      (name) => `${nameOf(name)} has no effect: ${nameOf("lossType")} is ${lossType}.`,
    ),
    ...(isHuber && settings.huberSchedule === "snr" && isUnused("huberScale")
      ? [`${nameOf("huberScale")} has no effect: ${nameOf("huberSchedule")} is snr.`]
      : []),
  ]
}
