import type { RgbImage } from "@lllite/core/image"
import type { LlliteModel } from "@lllite/core/models"
import { type Recipe, recipeSeed } from "@lllite/core/recipe"
import { DivergedError, trainedModel } from "@lllite/core/runtime"
import { buildLlliteMetadata } from "@lllite/format/modelspec"
import { enumerateSites } from "@lllite/format/selections"
import { captionOf, drawScene, heldOutSeed, makeScene } from "@lllite/tiny"
import { signal } from "@preact/signals"
import type { ReadyModel } from "../page/model.ts"
import { addLllite, messageOf } from "../page/model.ts"
import { edgesOf, SIZE } from "../pictures/canvas-image.ts"
import { save } from "../pictures/save.ts"
import type { TrainingPair } from "./pairs.ts"
import { datasetOf, drawPairs } from "./pairs.ts"

export interface TrainSettings {
  readonly steps: number
  readonly batchSize: number
  /** A seed over 2^53 is a text. */
  readonly seed: Recipe["seed"]
}

/** The settings of `lllite demo`. Noisy timesteps teach the places of edges. A real SDXL needs a tenth of this rate. */
const FIXED = {
  condDim: 32,
  mlpDim: 64,
  init: "normalised",
  learningRate: 3e-3,
  objective: { minTimestep: 400 },
} as const
/** Number of steps between two samples. */
export const SAMPLE_EVERY = 20
const SAMPLE = { width: SIZE, height: SIZE, steps: 8, guidanceScale: 1.5 } as const

export const pairs = signal<readonly TrainingPair[]>(drawPairs(16))
export const settings = signal<TrainSettings>({ steps: 120, batchSize: 8, seed: 1 })

/** A held-out drawing that steers every sample. */
const scene = makeScene(heldOutSeed, 1)
export const sampleControl = edgesOf(drawScene(scene, SIZE))
export const sampleCaption = captionOf(scene)

export interface Sample {
  readonly step: number
  readonly image: RgbImage
}

export type TrainState =
  | { readonly phase: "idle" }
  | { readonly phase: "caching"; readonly done: number; readonly count: number }
  | { readonly phase: "training"; readonly step: number; readonly secondsPerStep: number | null }
  | { readonly phase: "failed"; readonly message: string }

export const trainState = signal<TrainState>({ phase: "idle" })
export const losses = signal<readonly number[]>([])
/** What the shown run does not follow, one sentence each. */
export const notices = signal<readonly string[]>([])
/** Number of steps that the shown run was started with. */
export const plannedSteps = signal(settings.value.steps)
/** Samples with their steps. The sample of step 0 is without an LLLite. */
export const samples = signal<readonly Sample[]>([])
/** Why a sample is missing. Null if none is. */
export const sampleProblem = signal<string | null>(null)
/** The result of the last training. Null if it took no step. */
export const trained = signal<{ readonly lllite: LlliteModel; readonly step: number } | null>(null)

/** A run between two steps. */
interface TrainedState {
  readonly model: LlliteModel
  readonly step: number
}

let controller: AbortController | null = null

/** Stops the training inside of the running step. The state after the last whole step is kept. */
export function stopTraining(): void {
  controller?.abort()
}

/** The parts of a ready model that a training needs. */
export interface TrainingModel {
  readonly runtime: Pick<ReadyModel["runtime"], "loadAdapter">
  readonly sdxl: Pick<ReadyModel["sdxl"], "layout" | "train" | "generate">
}

/** Trains a new LLLite on the pairs. A failure is shown, and what was trained before it is kept. */
export async function startTraining(model: TrainingModel): Promise<void> {
  controller = new AbortController()
  const { signal } = controller
  const { sdxl } = model
  const { steps, batchSize, seed } = settings.value
  plannedSteps.value = steps
  losses.value = []
  samples.value = []
  notices.value = []
  sampleProblem.value = null
  trained.value = null
  /** The run as it was at the last sample. */
  let atSample: TrainedState | null = null
  const keep = async ({ model: lllite, step }: TrainedState): Promise<void> => {
    if (step === 0) return
    trained.value = { lllite, step }
    addLllite(`Trained here, ${step} steps`, await model.runtime.loadAdapter(lllite, sdxl))
  }
  try {
    const sites = enumerateSites(sdxl.layout)
    const options = { ...FIXED, sites, steps, batchSize, seed: recipeSeed({ seed }), stateEvery: SAMPLE_EVERY, signal }
    const run = sdxl.train(datasetOf(pairs.value), options)
    let before = 0
    for (;;) {
      const next = await run.next()
      if (next.done === true) {
        const { model: lllite, step } = next.value
        await keep(next.value)
        if (step % SAMPLE_EVERY !== 0 && !signal.aborted) await drawSample(model, lllite, step, signal)
        break
      }
      const event = next.value
      if (event.kind === "notice") {
        notices.value = [...notices.value, event.text]
        continue
      }
      if (event.kind === "cache") {
        trainState.value = { phase: "caching", done: event.done, count: event.count }
        continue
      }
      const now = performance.now()
      losses.value = [...losses.value, event.loss]
      const secondsPerStep = before === 0 ? null : (now - before) / 1000
      trainState.value = { phase: "training", step: event.step, secondsPerStep }
      if (event.step === 1) await drawSample(model, null, 0, signal)
      if (event.state !== null) {
        const { step } = event.state
        const lllite = trainedModel(event.state)
        // The arrays of the event change with the next step.
        atSample = { model: { ...lllite, values: lllite.values.slice() }, step }
        await drawSample(model, lllite, step, signal)
      }
      before = performance.now()
    }
    trainState.value = { phase: "idle" }
  } catch (error) {
    trainState.value = signal.aborted ? { phase: "idle" } : { phase: "failed", message: messageOf(error) }
    // What was trained before the failure can be used and saved.
    const last = error instanceof DivergedError ? error.state : atSample
    if (last !== null) await keep(last).catch(() => {})
  } finally {
    controller = null
  }
}

async function drawSample(
  { runtime, sdxl }: TrainingModel,
  lllite: LlliteModel | null,
  step: number,
  signal: AbortSignal,
): Promise<void> {
  const adapter = lllite === null ? null : await runtime.loadAdapter(lllite, sdxl)
  const adapters = adapter === null ? [] : [{ adapter, control: sampleControl }]
  const options = { ...SAMPLE, adapters, signal }
  try {
    for await (const event of sdxl.generate([{ prompt: sampleCaption, seed: 7 }], options)) {
      if (event.kind === "image") samples.value = [...samples.value, { step, image: event.image }]
    }
  } catch (error) {
    // Neither a stop nor a sample that fails ends the training. After a stop it returns its state.
    if (!signal.aborted) sampleProblem.value = `The sample of step ${step} failed: ${messageOf(error)}`
  } finally {
    await adapter?.dispose()
  }
}

/** Saves the trained LLLite as a file that every program for LLLite reads. */
export async function downloadTrained({ runtime }: ReadyModel): Promise<void> {
  if (trained.value === null) return
  const { lllite, step } = trained.value
  const metadata = buildLlliteMetadata({
    title: "canny, trained in a browser",
    date: new Date().toISOString().slice(0, 19),
    resolution: { width: SIZE, height: SIZE },
    preprocessor: "canny",
    timestepRange: [FIXED.objective.minTimestep, 1000],
  })
  const blob = await runtime.writeLllite(lllite, { dtype: "F32", metadata })
  save(`lllite-canny-${String(step).padStart(6, "0")}.safetensors`, blob)
}
