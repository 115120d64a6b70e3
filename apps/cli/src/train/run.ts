import { CoreError } from "@lllite/core"
import type { Prediction } from "@lllite/core/diffusion"
import { listText } from "@lllite/core/names"
import type { TrainState } from "@lllite/core/training"
import { beginTraining, DivergedError } from "@lllite/core/training"
import { buildLlliteMetadata } from "@lllite/format/modelspec"
import type {
  FolderDataset,
  NodeRuntime,
  SavedRun,
  SdxlHandle,
  TrainRunEvent,
  TrainRunStep,
} from "@lllite/runtime-node"
import { InputError, readLlliteFile, readTrainState } from "@lllite/runtime-node"
import { withPackage } from "../command/optional-package.ts"
import { fileDate } from "../lllite-file/save-lllite.ts"
import { startRuntime } from "../model/start-runtime.ts"
import { InterruptedError } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"
import { NOTHING_TO_SAVE, untilStopped } from "../terminal/until-stopped.ts"
import { readVersion } from "../version.ts"
import { formMetadata, formOf } from "./adapter-form.ts"
import { previewCaptions } from "./caption-preview.ts"
import { ownMetadata, readThumbnail, statedMetadata } from "./metadata.ts"
import { type RankSettings, shapeOf } from "./ranks/rank-settings.ts"
import type { StartedRanks } from "./ranks/start-ranks.ts"
import { saveAtFault, stopAtFault } from "./reading-fault.ts"
import { factNotices, runFacts } from "./run-facts.ts"
import { objectiveOf } from "./run-objective.ts"
import { createSaver } from "./saver.ts"
import type { TrainSettings } from "./settings.ts"
import { sitesOf } from "./sites.ts"
import { createStepHistory, type StepHistory } from "./step-history.ts"
import { batchSizesOf, largestBatchParts, planSteps, type StepPlan } from "./step-plan.ts"
import type { TrainingSet } from "./validation/hold-out.ts"
import { watchRun } from "./watch-run.ts"

/**
 * Trains an LLLite by `settings` and saves it. `examineTraining` gives the data set.
 *
 * @throws InputError, FormatError, CoreError naming what is wrong; InterruptedError when stopped, after saving
 */
export async function runTrain(
  settings: TrainSettings,
  dataset: TrainingSet,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const notices = [...settings.notices, ...dataset.notices]
  for (const notice of notices) reporter.say("notice", { text: notice }, `Note: ${notice}`)
  const plan = planSteps(settings, dataset)
  const { steps } = plan
  const preview = previewCaptions(dataset, settings.seed, plan)
  if (preview !== null) {
    const { text, ...fields } = preview
    reporter.say("captions", fields, text)
  }
  const shaped = settings.ranks && shapeOf(settings.ranks, largestBatchParts(dataset, settings.batchParts).parts)
  if (shaped?.notice != null) reporter.say("notice", { text: shaped.notice }, `Note: ${shaped.notice}`)
  const ranks = settings.ranks && shaped && (await loadRanks({ ...settings.ranks, shape: shaped.shape }))
  const runtime = await startRuntime(settings.runtime, reporter, signal)
  try {
    const { checkpoint, ...parts } = settings.model
    reporter.say("load", { ...settings.model }, `Loading ${checkpoint} …`)
    const projection = settings.compat === "sd-scripts" ? { projection: settings.compat } : {}
    const loading = runtime.loadSdxl(checkpoint, { ...askedPrediction(settings), ...projection, ...parts, signal })
    const sdxl = await untilStopped(loading, signal, NOTHING_TO_SAVE)
    for (const text of sdxl.notices) reporter.say("notice", { text }, `Note: ${text}`)
    const facts = runFacts(settings, dataset, plan)
    const saved = await initialRun(settings, sdxl, facts, reporter)
    const initial = saved?.state ?? null
    const history = createStepHistory(plan.perEpoch, saved)
    const adapters = initial === null ? sitesOf(sdxl.layout, settings.sites).length : initial.model.adapters.length
    reporter.say(
      "plan",
      { pictures: dataset.pictures, steps, batchSize: dataset.batchSize, adapters, backend: runtime.backend },
      `${dataset.pictures} pairs, ${steps} steps of ${rowsText(dataset, settings)}, ${adapters} adapters, on ${runtime.backend}.`,
    )
    const started = await ranks?.({ runtime, sdxl }, settings, reporter, signal)
    try {
      const run = { ...plan, facts, initial, history, ...(started === undefined ? {} : { help: started.help }) }
      await trainAndSave({ runtime, sdxl }, dataset, settings, run, reporter, signal)
    } finally {
      await started?.close()
    }
  } finally {
    await runtime.dispose()
  }
}

/** Loads what starts the ranks of a run. @throws UsageError when its package is not installed; as `readRankSecrets` */
async function loadRanks(
  ranks: RankSettings,
): Promise<
  (
    model: { readonly runtime: NodeRuntime; readonly sdxl: SdxlHandle },
    settings: TrainSettings,
    reporter: Reporter,
    signal: AbortSignal,
  ) => Promise<StartedRanks>
> {
  const load = () => import("./ranks/start-ranks.ts")
  const { readRankSecrets, startRanks } = await withPackage("@lllite/ranks", "ranks", load)
  const secrets = await readRankSecrets(ranks)
  return (model, settings, ...rest) => startRanks(ranks, secrets, model, settings, ...rest)
}

/** The share of the free memory that encoded pictures may take. The rest is for the model. */
const ENCODED_SHARE = 0.5

/** The most bytes of encoded examples that a run keeps in memory. */
export function encodedBytes(): number {
  return Math.floor(ENCODED_SHARE * process.availableMemory())
}

/** The pictures of a step. */
function rowsText(dataset: FolderDataset, { gradientAccumulationSteps: batches }: TrainSettings): string {
  const rows = listText(batchSizesOf(dataset), "or")
  return batches === 1 ? rows : `${batches} × ${rows}`
}

interface Plan extends StepPlan {
  readonly help?: StartedRanks["help"]
  readonly facts: ReadonlyMap<string, string>
  readonly initial: TrainState | null
  readonly history: StepHistory
}

async function trainAndSave(
  { runtime, sdxl }: { readonly runtime: NodeRuntime; readonly sdxl: SdxlHandle },
  dataset: TrainingSet,
  settings: TrainSettings,
  { facts, initial, history, help, ...plan }: Plan,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const { minTimestep, maxTimestep } = settings
  const { steps, lr } = plan
  const spec = buildLlliteMetadata({
    ...statedMetadata(settings, await readThumbnail(settings.metadataThumbnail)),
    ...fileDate(),
    ...resolutionOf(dataset),
    predictionType: sdxl.prediction,
    implementationVersion: `lllite/${readVersion()}`,
    ...(settings.recordsTimesteps ? { timestepRange: [minTimestep, maxTimestep] as const } : {}),
  })
  const sites = initial?.model.adapters.map(({ site }) => site) ?? sitesOf(sdxl.layout, settings.sites)
  const adapters = initial?.model.adapters ?? [formOf(settings)]
  const form = formMetadata(adapters)
  const metadata = new Map([...spec, ...ownMetadata(settings, sites, sdxl.layout), ...form])
  const { dtype, force } = settings
  const file = { dtype, force, ...(settings.noMetadata ? {} : { metadata }) }
  const saver = createSaver(settings, plan, file, { facts, history }, reporter)
  // The last step has no file of its own beside the final one.
  if (settings.resume !== undefined && initial !== null && initial.step < steps) await saver.continued(initial)
  const watch = await watchRun({ runtime, sdxl, dataset, settings, plan, adapters, history, reporter, signal })
  const stateEvery = [...saver.every, ...watch.stateEvery]
  const stopping = stopAtFault(dataset, signal)
  const run = sdxl.train(stopping.dataset, {
    steps,
    batchSize: dataset.batchSize,
    accumulation: settings.gradientAccumulationSteps,
    seed: settings.seed,
    captionChunks: settings.captionChunks,
    weightedCaptions: settings.weightedCaptions,
    optimizer: settings.optimizer,
    learningRate: settings.learningRate,
    lr,
    ...(settings.partRates === null ? {} : { partRates: settings.partRates }),
    ...(settings.ema === null ? {} : { ema: settings.ema }),
    maxGradNorm: settings.maxGradNorm,
    ...(settings.siteLimit === undefined ? {} : { siteLimit: settings.siteLimit }),
    shards: settings.batchParts,
    partPrecision: settings.partPrecision,
    sites,
    ...formOf(settings),
    init: settings.conditionerInit,
    objective: objectiveOf(settings),
    ...(initial === null ? {} : { initial }),
    ...(settings.vaeSlices === undefined ? {} : { vaeSlices: settings.vaeSlices }),
    stateEvery,
    keptBytes: encodedBytes(),
    ...(help === undefined ? {} : { help }),
    signal: stopping.signal,
  })
  const onStep = async (event: TrainRunStep): Promise<void> => {
    const { step, state } = event
    await watch.step(event)
    if (state !== null && step !== steps) {
      await unlessFull(saver.periodic(state), step, reporter)
      await watch.learned(state)
    }
    watch.ready()
  }
  try {
    await untilStopped(watch.begin(initial), signal, NOTHING_TO_SAVE)
    const following = followTraining(run, reporter, signal, onStep)
    const state = await following.catch((error: unknown) =>
      saveDiverged(withLastState(error, saver.lastState(), { steps, made: history.length }), saver.stopped),
    )
    if (state.step >= steps) {
      await saver.final(state)
      return await watch.end(state)
    }
    const fault = stopping.fault()
    if (fault !== null) return await saveAtFault(fault, { state, steps, first: initial?.step ?? 0 }, saver.stopped)
    if (state.step === 0) throw new InterruptedError(NOTHING_TO_SAVE)
    await saver.stopped(state)
    throw new InterruptedError(`stopped after ${state.step} of ${steps} steps. The LLLite of that step is saved`)
  } finally {
    await watch.close()
  }
}

/**
 * Waits for a file of a step in between. If it cannot be written, the run goes on, because there may be room for the
 * next one.
 *
 * @throws errors that are not of the file
 */
export async function unlessFull(saving: Promise<unknown>, step: number, reporter: Reporter): Promise<void> {
  try {
    await saving
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    const text = `step ${step} is not saved as a whole: ${error.message} The training goes on.`
    reporter.say("notice", { text }, `Note: ${text}`)
  }
}

/**
 * Saves the last good state of a run that diverged, or in which a step could not be computed.
 *
 * @throws the error, and it names the saved file
 */
export async function saveDiverged(error: unknown, save: (state: TrainState) => Promise<string>): Promise<never> {
  if (!(error instanceof DivergedError) || error.state.step === 0) throw error
  const { code, message, state } = error
  const sentence = /[.!?]$/.test(message) ? message : `${message}.`
  const saved = await save(state).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new DivergedError(code, `${sentence} It could not be saved: ${reason}`, state, { cause })
  })
  throw new DivergedError(code, `${sentence} Its LLLite is saved as "${saved}".`, state, { cause: error })
}

/** Codes of errors with which a runtime ends. The run after its last step is then lost. */
const ENDS_RUNTIME = new Set<string>(["worker-failed", "worker-ended", "no-room"])

/** An error of a runtime that has ended, with what of the run is on the disk. Other errors stay as they are. */
export function withLastState(
  error: unknown,
  lastState: string | null,
  { steps, made }: { readonly steps: number; readonly made: number },
): unknown {
  if (!(error instanceof CoreError) || !ENDS_RUNTIME.has(error.code) || made === 0) return error
  const advice =
    lastState === null
      ? "No state of it is saved. save_state with save_every_n_steps saves some."
      : `Its last state is "${lastState}". Continue from it with --resume.`
  const { code, message } = error
  return new CoreError(code, `${message} The training ended after ${made} of ${steps} steps. ${advice}`, {
    cause: error,
  })
}

/**
 * Reports a training run until it ends. Returns its last state.
 *
 * @throws InterruptedError at an abort before the end of the first step, since there is nothing to wait for
 */
export async function followTraining(
  run: AsyncGenerator<TrainRunEvent, TrainState, void>,
  reporter: Reporter,
  signal: AbortSignal,
  onStep: (step: TrainRunStep) => void | Promise<void> = () => {},
): Promise<TrainState> {
  let hasSteps = false
  for (;;) {
    const next: IteratorResult<TrainRunEvent, TrainState> = await (hasSteps
      ? run.next()
      : untilStopped(run.next(), signal, NOTHING_TO_SAVE))
    if (next.done === true) return next.value
    const event: TrainRunEvent = next.value
    hasSteps = event.kind === "step"
    if (event.kind === "notice") {
      // Of captions, the data set has said the same before it was encoded.
      if (event.about !== "captions") reporter.say("notice", { text: event.text }, `Note: ${event.text}`)
      continue
    }
    if (event.kind === "cache") {
      reporter.progress("encode pictures", event.done, event.count)
      continue
    }
    reporter.progress("train", event.step, event.steps, { loss: event.loss, learningRate: event.learningRate })
    try {
      await onStep(event)
    } catch (error) {
      // The run waits for the next request. This ends it.
      await run.throw(error).catch(() => {})
      throw error
    }
  }
}

/** What the user asks for. Without it, the checkpoint is run as its files say. */
function askedPrediction({ vParameterization }: TrainSettings): { readonly prediction?: Prediction } {
  return vParameterization ? { prediction: "v" } : {}
}

/** The state that a run begins with, if it continues from a file, with the steps before. */
async function initialRun(
  { networkWeights, resume, optimizer }: TrainSettings,
  { layout }: SdxlHandle,
  facts: ReadonlyMap<string, string>,
  reporter: Reporter,
): Promise<{ readonly state: TrainState; readonly history: NonNullable<SavedRun["history"]> } | null> {
  if (resume !== undefined) {
    const saved = await readTrainState(resume, layout)
    for (const text of factNotices(saved.facts, facts)) reporter.say("notice", { text }, `Note: ${text}`)
    reporter.say("resume", { path: resume, step: saved.state.step }, `Continues after step ${saved.state.step}.`)
    return { state: saved.state, history: saved.history ?? new Map() }
  }
  if (networkWeights === undefined) return null
  // The file of an LLLite does not hold the optimiser's state.
  return { state: beginTraining(await readLlliteFile(networkWeights, layout), optimizer), history: new Map() }
}

/** The resolution for the file's metadata: that of the data set, if all pictures have one size. */
function resolutionOf({ sizes }: FolderDataset): { resolution?: { width: number; height: number } } {
  const [first] = sizes
  const isOne =
    first !== undefined && sizes.every(({ width, height }) => width === first.width && height === first.height)
  return isOne ? { resolution: { width: first.width, height: first.height } } : {}
}
