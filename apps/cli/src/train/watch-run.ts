import type { TrainState } from "@lllite/core/training"
import { trainedModel } from "@lllite/core/training"
import type { NodeRuntime, SdxlHandle, TrainRunStep } from "@lllite/runtime-node"
import { InputError } from "@lllite/runtime-node"
import { isForComfyUi } from "../lllite-file/comfyui.ts"
import type { Reporter } from "../terminal/progress.ts"
import { type Dashboard, openDashboard } from "./dashboard/dashboard.ts"
import { openRunLog } from "./log/run-log.ts"
import type { RunObserver, StepRecord } from "./observer.ts"
import { reportRun } from "./report/run-report.ts"
import { shownSettings } from "./report/shown-settings.ts"
import { objectiveOf } from "./run-objective.ts"
import { type RunSamples, runSamples, type SampleSet } from "./samples/run-samples.ts"
import { planSamples } from "./samples/sample-plan.ts"
import type { TrainSettings } from "./settings.ts"
import type { StepHistory } from "./step-history.ts"
import type { StepPlan } from "./step-plan.ts"
import type { TrainingSet } from "./validation/hold-out.ts"
import { type RunValidation, runValidation, type ValidationRecord } from "./validation/run-validation.ts"

/** The run that is watched. */
export interface WatchedRun {
  readonly runtime: Pick<NodeRuntime, "backend" | "threads" | "device" | "memory" | "loadAdapter">
  readonly sdxl: SdxlHandle
  readonly dataset: TrainingSet
  readonly settings: TrainSettings
  readonly plan: StepPlan
  /** The form of the LLLite's adapters. */
  readonly adapters: Parameters<typeof isForComfyUi>[0]
  /** The steps so far. The watch adds to it. */
  readonly history: StepHistory
  readonly reporter: Reporter
  readonly signal: AbortSignal
}

/** Logs a run, and draws what it has learned. Nothing of it changes the training. */
export interface RunWatch {
  /** Intervals in steps at which `learned` needs the run's state. */
  readonly stateEvery: readonly number[]
  /** Before the run. @param initial the state that it continues from, or null */
  begin(initial: TrainState | null): Promise<void>
  /** Adds a step to the history, and tells the observers. */
  step(event: Omit<TrainRunStep, "state">): Promise<void>
  /** Draws what the run has learned, if it is time. It comes after files are saved. */
  learned(state: TrainState): Promise<void>
  /** The run goes on: the time of the next step begins. */
  ready(): void
  /** After a whole run. */
  end(state: TrainState): Promise<void>
  close(): Promise<void>
}

const MEBIBYTE = 2 ** 20

/**
 * Watches a run. An observer whose file cannot be written is left out from then on, with a notice: the training matters
 * more.
 *
 * @throws InputError when a log cannot be opened, or for a file of samples that cannot be read
 */
export async function watchRun(run: WatchedRun): Promise<RunWatch> {
  const { runtime, settings, history, reporter } = run
  const { perEpoch } = run.plan
  const say = (text: string): void => reporter.say("notice", { text }, `Note: ${text}`)
  const observers: RunObserver[] = []
  const samples = await openSamples(run, say)
  const validation = openValidation(run)
  if (settings.log !== null) {
    const log = await openRunLog(settings.log, { perEpoch, history, partRates: settings.partRates })
    reporter.say("log", { path: log.folder }, `Logging to ${log.folder}`)
    observers.push(log)
  }
  const dashboard = await openPage(run)
  if (dashboard !== null) {
    const { url } = dashboard
    reporter.say("dashboard", { url }, `Dashboard: ${url}`)
    observers.push(dashboard)
  }
  if (!settings.noReport) observers.push(openReport(run))
  const active = new Set(observers)
  /** When the running step began. Null for the first one, which begins with other work. */
  let began: number | null = null
  const tell = async (work: (observer: RunObserver) => void | Promise<void> | undefined): Promise<void> => {
    for (const observer of [...active]) {
      try {
        await work(observer)
      } catch (error) {
        if (!(error instanceof InputError)) throw error
        active.delete(observer)
        say(`${error.message} Nothing more is written there. The training goes on.`)
        await observer.close?.()
      }
    }
  }
  const tellLearned = async (
    measured: ValidationRecord | null | undefined,
    drawn: SampleSet | null | undefined,
  ): Promise<void> => {
    if (measured != null) await tell((observer) => observer.validation?.(measured))
    if (drawn != null) await tell((observer) => observer.samples?.(drawn))
  }
  return {
    stateEvery: [samples?.every ?? [], validation?.every ?? []].flat(),

    async begin(initial) {
      const first = await samples?.first(initial?.step ?? 0, initial === null ? null : trainedModel(initial))
      if (first != null) await tell((observer) => observer.samples?.(first))
    },

    async step(event) {
      const seconds = began === null ? null : (performance.now() - began) / 1000
      const { step, loss, learningRate, gradientNorm, rateFactor } = event
      const adaptedRate = rateFactor === undefined ? null : rateFactor * learningRate
      const figures = { loss, learningRate, gradientNorm, adaptedRate }
      history.add(figures)
      const record: StepRecord = {
        ...{ ...figures, step, seconds },
        epoch: Math.floor((step - 1) / perEpoch) + 1,
        averageLoss: history.averageLoss(history.length - 1),
        memoryMiB: process.memoryUsage.rss() / MEBIBYTE,
        deviceMiB: runtime.device === "CPU" ? null : (await runtime.memory()).allocated / MEBIBYTE,
      }
      await tell((observer) => observer.step?.(record))
    },

    async learned(state) {
      await tellLearned(
        await validation?.periodic(state.step, trainedModel(state)),
        await samples?.periodic(state.step, trainedModel(state)),
      )
    },

    ready() {
      began = performance.now()
    },

    async end(state) {
      await tellLearned(
        await validation?.final(state.step, trainedModel(state)),
        await samples?.final(state.step, trainedModel(state)),
      )
    },

    async close() {
      await validation?.close()
      await tell((observer) => observer.close?.())
      active.clear()
    },
  }
}

/** The page of a run, or null. */
async function openPage({ settings, plan: { steps, perEpoch }, history }: WatchedRun): Promise<Dashboard | null> {
  const { dashboard, dashboardPort: port = null, outputName: name } = settings
  return dashboard || port !== null ? openDashboard(port, { name, steps, perEpoch, history }) : null
}

function openReport({ runtime, dataset, settings, plan: { steps }, history, reporter }: WatchedRun): RunObserver {
  const { outputDir, outputName, force, resume } = settings
  return reportRun({
    ...{ outputDir, outputName, steps, history, reporter },
    replaces: force || resume !== undefined,
    settings: shownSettings(settings, dataset),
    machine: `${runtime.backend}, ${runtime.threads} threads, Node ${process.versions.node}`,
  })
}

/** The samples of a run, or null. */
async function openSamples(
  { runtime, sdxl, dataset, settings, plan: { perEpoch }, adapters, reporter, signal }: WatchedRun,
  say: (text: string) => void,
): Promise<RunSamples | null> {
  const { samples, outputDir, outputName, model, seed } = settings
  if (samples === null) return null
  const planned = await planSamples(samples, dataset, dataset.heldOut ?? dataset, seed)
  for (const notice of planned.notices) say(notice)
  const machine = { runtime, sdxl }
  const folder = { outputDir, outputName, model, isForComfyUi: isForComfyUi(adapters) }
  const run = { ...folder, perEpoch, machine, reporter, signal }
  return runSamples(samples, planned.samples, run)
}

/** The measuring of a run on its held-out pairs, or null. */
function openValidation({
  runtime,
  sdxl,
  dataset: { heldOut },
  settings,
  plan: { perEpoch },
  reporter,
  signal,
}: WatchedRun): RunValidation | null {
  const { validation, captionChunks, weightedCaptions, vaeSlices, sampleSampler: sampler } = settings
  if (heldOut === null) return null
  return runValidation(validation, {
    ...{ perEpoch, heldOut, machine: { runtime, sdxl }, sampler, reporter, signal },
    ...{ captionChunks, weightedCaptions, objective: objectiveOf(settings) },
    ...(vaeSlices === undefined ? {} : { vaeSlices }),
  })
}
