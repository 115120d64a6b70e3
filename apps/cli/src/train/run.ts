import { join } from "node:path"
import type { Prediction } from "@lllite/core/diffusion"
import type { LrMovement, OptimizerChoice, TrainState } from "@lllite/core/training"
import { createLrSchedule, initOptimizer } from "@lllite/core/training"
import type { LlliteSpec } from "@lllite/format/modelspec"
import { buildLlliteMetadata } from "@lllite/format/modelspec"
import { enumerateSites } from "@lllite/format/selections"
import type { FolderDataset, SdxlHandle, TrainRunEvent, TrainRunStep } from "@lllite/runtime-node"
import {
  datasetOfFolders,
  openDataset,
  pickDatasetOptions,
  readDatasetConfig,
  readLlliteFile,
  stepsPerEpoch,
  withPath,
  writeLlliteFile,
} from "@lllite/runtime-node"
import type { StepCount } from "@lllite/runtime-node/options"
import { openLllite } from "../lllite-file/open-lllite.ts"
import { epochFileName, fileDate, prepareFolder, stepFileName } from "../lllite-file/save-lllite.ts"
import { checkCheckpoint } from "../model/checkpoint.ts"
import { startRuntime } from "../model/start-runtime.ts"
import { InterruptedError } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"
import { readVersion } from "../version.ts"
import type { LrSettings, TrainSettings } from "./settings.ts"

/**
 * Number of parts of a batch. It is fixed, so that a machine with more cores trains the same LLLite.
 */
export const SHARDS = 2

/**
 * Trains an LLLite by `settings` and saves it.
 *
 * @throws InputError, FormatError, CoreError naming what is wrong; InterruptedError when stopped, after saving
 */
export async function runTrain(settings: TrainSettings, reporter: Reporter, signal: AbortSignal): Promise<void> {
  for (const notice of settings.notices) reporter.say("notice", { text: notice }, `Note: ${notice}`)
  const dataset = await openTrainingSet(settings)
  for (const notice of dataset.notices) reporter.say("notice", { text: notice }, `Note: ${notice}`)
  const { networkWeights: startFrom } = settings
  // The checkpoint and the learning rate are checked first: starting threads and loading a checkpoint take long.
  await checkCheckpoint(settings.model)
  if (startFrom !== undefined) await withPath(startFrom, openLllite)
  const perEpoch = stepsPerEpoch(dataset.sizes, dataset.batchSize)
  const { length } = settings
  const steps = "steps" in length ? length.steps : length.epochs * perEpoch
  const lr = lrMovement(settings.lr, steps)
  createLrSchedule({ ...lr, learningRate: settings.learningRate, totalSteps: steps })
  const runtime = await startRuntime(settings.runtime, reporter)
  try {
    const { checkpoint, ...parts } = settings.model
    reporter.say("load", { ...settings.model }, `Loading ${checkpoint} …`)
    const sdxl = await runtime.loadSdxl(checkpoint, { prediction: predictionOf(settings), ...parts, signal })
    const optimizer = { name: settings.optimizerType }
    const initial = startFrom === undefined ? null : await continueFrom(startFrom, sdxl, optimizer)
    await prepareFolder(settings.outputDir)
    const adapters = initial === null ? enumerateSites(sdxl.layout).length : initial.model.adapters.length
    reporter.say(
      "plan",
      { pictures: dataset.pictures, steps, batchSize: dataset.batchSize, adapters, backend: runtime.backend },
      `${dataset.pictures} pairs, ${steps} steps of ${dataset.batchSize}, ${adapters} adapters, on ${runtime.backend}.`,
    )
    await trainAndSave(sdxl, dataset, settings, { steps, perEpoch, lr, initial }, reporter, signal)
  } finally {
    await runtime.dispose()
  }
}

function lrMovement({ warmup, decay, ...lr }: LrSettings, steps: number): LrMovement {
  const inSteps = (count: StepCount): number => ("steps" in count ? count.steps : Math.floor(count.share * steps))
  return {
    ...lr,
    ...(warmup === undefined ? {} : { warmupSteps: inSteps(warmup) }),
    ...(decay === undefined ? {} : { decaySteps: inSteps(decay) }),
  }
}

interface Plan {
  readonly steps: number
  readonly perEpoch: number
  readonly lr: LrMovement
  readonly initial: TrainState | null
}

async function trainAndSave(
  sdxl: SdxlHandle,
  dataset: FolderDataset,
  settings: TrainSettings,
  { steps, perEpoch, lr, initial }: Plan,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const { minTimestep, maxTimestep, outputName, saveEvery } = settings
  const every = saveEvery === null ? null : "steps" in saveEvery ? saveEvery.steps : saveEvery.epochs * perEpoch
  const metadata = buildLlliteMetadata({
    ...statedMetadata(settings),
    ...fileDate(),
    ...resolutionOf(dataset),
    predictionType: predictionOf(settings),
    implementationVersion: `lllite/${readVersion()}`,
    ...(settings.recordsTimesteps ? { timestepRange: [minTimestep, maxTimestep] as const } : {}),
  })
  const save = async (state: TrainState, name: string): Promise<void> => {
    const path = join(settings.outputDir, name)
    await writeLlliteFile(path, state.model, { dtype: settings.dtype, metadata })
    reporter.say("file", { path, step: state.step }, `Saved ${path}`)
  }
  const run = sdxl.train(dataset, {
    steps,
    batchSize: dataset.batchSize,
    seed: settings.seed,
    optimizer: { name: settings.optimizerType },
    learningRate: settings.learningRate,
    lr,
    maxGradNorm: settings.maxGradNorm,
    shards: SHARDS,
    sites: enumerateSites(sdxl.layout),
    condDim: settings.condEmbDim,
    init: settings.conditionerInit,
    mlpDim: settings.networkDim,
    objective: {
      minTimestep,
      maxTimestep,
      loss: settings.lossType,
      huber: settings.huber,
      weights: settings.lossWeights,
      gradientCheckpointing: settings.gradientCheckpointing,
    },
    ...(initial === null ? {} : { initial }),
    ...(settings.vaeSlices === undefined ? {} : { vaeSlices: settings.vaeSlices }),
    ...(every === null ? {} : { stateEvery: every }),
    signal,
  })
  const state = await followTraining(run, reporter, async ({ step, state }) => {
    if (state === null || step === steps) return
    const byEpoch = saveEvery !== null && "epochs" in saveEvery
    await save(state, byEpoch ? epochFileName(outputName, step / perEpoch) : stepFileName(outputName, step))
  })
  if (state.step >= steps) return save(state, `${outputName}.safetensors`)
  if (state.step === 0) throw new InterruptedError("stopped before the first step. There is nothing to save")
  await save(state, stepFileName(outputName, state.step))
  throw new InterruptedError(`stopped after ${state.step} of ${steps} steps. The LLLite of that step is saved`)
}

/** Reports a training run until it ends. Returns its last state. */
export async function followTraining(
  run: AsyncGenerator<TrainRunEvent, TrainState, void>,
  reporter: Reporter,
  onStep: (step: TrainRunStep) => void | Promise<void> = () => {},
): Promise<TrainState> {
  for (;;) {
    const next = await run.next()
    if (next.done === true) return next.value
    const event = next.value
    if (event.kind === "cache") {
      reporter.progress("encode pictures", event.done, event.count)
      continue
    }
    reporter.progress("train", event.step, event.steps, { loss: event.loss, learningRate: event.learningRate })
    await onStep(event)
  }
}

async function openTrainingSet(settings: TrainSettings): Promise<FolderDataset> {
  const { source, nameOf } = settings.dataset
  const { trainBatchSize: batchSize, datasetRepeats: numRepeats } = settings
  const options = pickDatasetOptions({ ...settings, batchSize, numRepeats })
  const names = { label: "train", nameOf }
  const config =
    "config" in source
      ? await readDatasetConfig(source.config, options, names)
      : datasetOfFolders({ ...options, ...source }, names)
  return openDataset(config)
}

function predictionOf({ vParameterization }: TrainSettings): Prediction {
  return vParameterization ? "v" : "epsilon"
}

function statedMetadata(settings: TrainSettings): LlliteSpec {
  const { metadataAuthor: author, metadataDescription: description } = settings
  const { metadataLicense: license, metadataTags: tags } = settings
  return {
    title: settings.metadataTitle ?? settings.outputName,
    ...(author === undefined ? {} : { author }),
    ...(description === undefined ? {} : { description }),
    ...(license === undefined ? {} : { license }),
    ...(tags === undefined ? {} : { tags }),
  }
}

/** The first state of a run that begins with a saved LLLite. The file does not hold the optimiser's state. */
async function continueFrom(path: string, sdxl: SdxlHandle, optimizer: OptimizerChoice): Promise<TrainState> {
  const model = await readLlliteFile(path, sdxl.layout)
  return { model, optimizer: initOptimizer(optimizer, model.values.length), step: 0 }
}

/** The resolution for the file's metadata: that of the data set, if all pictures have one size. */
function resolutionOf({ sizes }: FolderDataset): { resolution?: { width: number; height: number } } {
  const [first] = sizes
  const isOne =
    first !== undefined && sizes.every(({ width, height }) => width === first.width && height === first.height)
  return isOne ? { resolution: { width: first.width, height: first.height } } : {}
}
