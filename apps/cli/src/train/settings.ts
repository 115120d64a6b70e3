import type { HuberOptions, LossWeightOptions, LrMovement } from "@lllite/core/training"
import type { FloatDtype } from "@lllite/format"
import type { DatasetOptions, SdxlPaths } from "@lllite/runtime-node"
import type { OptionReader, Settings, StepCount } from "@lllite/runtime-node/options"
import { bucketStepProblem, resolutionProblem } from "@lllite/runtime-node/options"
import type { RuntimeChoice } from "../model/runtime-options.ts"
import { runtimeChoice, sdxlPaths } from "../model/runtime-options.ts"
import type { TRAIN_OPTIONS } from "./options/index.ts"

type TrainTable = typeof TRAIN_OPTIONS
type TrainReader = OptionReader<TrainTable>

/** How the learning rate changes. Shares of a run become steps when its length is known. */
export interface LrSettings extends Omit<LrMovement, "warmupSteps" | "decaySteps"> {
  readonly warmup?: StepCount
  readonly decay?: StepCount
}

/** Source of the pictures. */
export interface DatasetSettings {
  readonly source: { readonly config: string } | { readonly imageDir: string; readonly conditioningDataDir: string }
  /** The name of a data set's option in `train`, as the user wrote it. */
  readonly nameOf: (option: keyof DatasetOptions) => string
}

/** The checked settings of `train`: the options, and settings derived from several of them. */
export interface TrainSettings extends Settings<TrainTable> {
  readonly model: SdxlPaths
  readonly dataset: DatasetSettings
  readonly length: { readonly steps: number } | { readonly epochs: number }
  readonly lr: LrSettings
  /** Whether the file's metadata names the timesteps. */
  readonly recordsTimesteps: boolean
  readonly huber: HuberOptions
  readonly lossWeights: LossWeightOptions
  readonly runtime: RuntimeChoice
  readonly dtype: FloatDtype
  readonly saveEvery: { readonly steps: number } | { readonly epochs: number } | null
  /** Options that have no effect here, one sentence each. */
  readonly notices: readonly string[]
}

const DTYPES = { float: "F32", fp16: "F16", bf16: "BF16" } as const satisfies Readonly<Record<string, FloatDtype>>

/**
 * Checks options that depend on each other, and derives settings from several options. The reader keeps the problems.
 * The settings are right if its `finish` does not throw.
 */
export function readTrainSettings(reader: TrainReader): TrainSettings {
  checkTraining(reader)
  const dataset = readDataset(reader)
  const lr = readRate(reader)
  const huber = readHuber(reader)
  const values = reader.settings
  const { saveEveryNSteps: steps, saveEveryNEpochs: epochs } = values
  return {
    ...values,
    model: sdxlPaths(values.pretrainedModelNameOrPath, values),
    dataset,
    length: values.maxTrainEpochs === undefined ? { steps: values.maxTrainSteps } : { epochs: values.maxTrainEpochs },
    lr,
    recordsTimesteps: reader.isGiven("minTimestep") || reader.isGiven("maxTimestep"),
    huber,
    lossWeights: {
      ...(values.minSnrGamma === undefined ? {} : { minSnrGamma: values.minSnrGamma }),
      ...(values.vPredLikeLoss === undefined ? {} : { vPredictionLike: values.vPredLikeLoss }),
      ...(values.debiasedEstimationLoss ? { debiased: true } : {}),
      ...(values.scaleVPredLossLikeNoisePred ? { scaleVLikeNoise: true } : {}),
    },
    runtime: runtimeChoice(values),
    dtype: DTYPES[values.savePrecision],
    saveEvery: steps !== undefined ? { steps } : epochs !== undefined ? { epochs } : null,
    notices: [...reader.notes, ...foldersUnused(reader)],
  }
}

function checkTraining({ settings, check, isGiven, nameOf }: TrainReader): void {
  check(["saveEveryNSteps", "saveEveryNEpochs"], () =>
    isGiven("saveEveryNSteps") && isGiven("saveEveryNEpochs")
      ? `${nameOf("saveEveryNSteps")} and ${nameOf("saveEveryNEpochs")} exclude each other, expected one of them`
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
  for (const name of ["networkDim", "condEmbDim", "conditionerInit"] as const) {
    check([name, "networkWeights"], () =>
      isGiven(name) && isGiven("networkWeights")
        ? `${nameOf(name)} conflicts with ${nameOf("networkWeights")}, whose file has its own value. Leave out ${nameOf(name)}`
        : null,
    )
  }
}

function readDataset({ settings, check, isGiven, nameOf }: TrainReader): DatasetSettings {
  const { datasetConfig, resolution, enableBucket, bucketResoSteps } = settings
  const names: DatasetSettings["nameOf"] = (option) => {
    if (option === "batchSize") return nameOf("trainBatchSize")
    if (option === "numRepeats") return nameOf("datasetRepeats")
    return nameOf(option === "imageDir" ? "trainDataDir" : option)
  }
  if (datasetConfig !== undefined) return { source: { config: datasetConfig }, nameOf: names }
  check(["datasetRepeats", "datasetConfig"], () =>
    isGiven("datasetRepeats") ? `${nameOf("datasetRepeats")} needs ${nameOf("datasetConfig")}. Leave it out` : null,
  )
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
  if (settings.datasetConfig === undefined) return []
  return (["trainDataDir", "conditioningDataDir"] as const).flatMap((name) =>
    isGiven(name) ? [`${nameOf(name)} has no effect: ${nameOf("datasetConfig")} is given.`] : [],
  )
}

function readRate({ settings, check, nameOf }: TrainReader): LrSettings {
  const { lrScheduler: curve, lrSchedulerNumCycles: cycles, lrSchedulerPower: power } = settings
  check(["lrScheduler", "lrWarmupSteps"], () =>
    curve === "constant" && settings.lrWarmupSteps !== undefined
      ? `${nameOf("lrScheduler")} is "constant", which has no warm-up. Use "constant_with_warmup", or leave out ${nameOf("lrWarmupSteps")}.`
      : null,
  )
  return {
    curve,
    ...(settings.lrWarmupSteps === undefined ? {} : { warmup: settings.lrWarmupSteps }),
    ...(settings.lrDecaySteps === undefined ? {} : { decay: settings.lrDecaySteps }),
    // One cycle and an exponent of 1 have no effect. Many files contain them although the curve has neither.
    ...(cycles === 1 ? {} : { cycles }),
    ...(power === 1 ? {} : { power }),
    ...(settings.lrSchedulerTimescale === undefined ? {} : { timescale: settings.lrSchedulerTimescale }),
    ...(settings.lrSchedulerMinLrRatio === undefined ? {} : { minRatio: settings.lrSchedulerMinLrRatio }),
  }
}

function readHuber({ settings, check, isGiven, nameOf }: TrainReader): HuberOptions {
  const { lossType, huberSchedule: schedule, huberC, huberScale } = settings
  for (const name of ["huberSchedule", "huberC", "huberScale"] as const) {
    check([name, "lossType"], () =>
      isGiven(name) && lossType !== "huber" && lossType !== "smooth_l1"
        ? `${nameOf(name)} is for ${nameOf("lossType")} huber and smooth_l1, and ${nameOf("lossType")} is ${lossType}`
        : null,
    )
  }
  return {
    schedule,
    ...(huberC === undefined ? {} : { delta: huberC }),
    ...(huberScale === undefined ? {} : { scale: huberScale }),
  }
}
