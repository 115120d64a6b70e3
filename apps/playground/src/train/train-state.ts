import type { RgbImage } from "@lllite/core/image"
import type { LlliteModel } from "@lllite/core/models"
import { computed, signal } from "@preact/signals"
import type { Sentence } from "../language/sentence.ts"
import type { ReadyModel } from "../page/model.ts"
import type { ControlKind } from "../pictures/control-kinds.ts"
import type { HeldOut, TrainingPair } from "./pairs.ts"
import { DRAWN, drawPairs, nextDrawing } from "./pairs.ts"
import type { KeptRun, RunPlan, Sample } from "./saved-runs.ts"
import { DEFAULT_SETTINGS, type TrainSettings } from "./train-settings.ts"
import type { Verdict } from "./verdict.ts"

/** The parts of a ready model that a training needs. */
export interface TrainingModel {
  readonly runtime: Pick<ReadyModel["runtime"], "loadAdapter" | "writeLllite">
  readonly sdxl: Pick<ReadyModel["sdxl"], "layout" | "train" | "generate">
}

/** The kind of controls that are made of pictures. */
export const controlKind = signal<ControlKind>("canny")
/** The pairs of the next run. */
export const pairs = signal<readonly TrainingPair[]>([])
let isOffered = false

/** Draws the pairs that the panel opens with, once. They take a moment, so it is not done before the panel is seen. */
export async function offerDrawings(): Promise<void> {
  if (isOffered) return
  isOffered = true
  await addDrawings()
}

/** The drawings that are being added. */
let adding: Promise<void> = Promise.resolve()

/** How often the adding was ended. */
let ended = 0

/** Adds drawings, which follow those that are there. Each is drawn in a task of its own, so that the page stays free. */
export function addDrawings(): Promise<void> {
  const before = ended
  adding = adding.then(async () => {
    const first = nextDrawing(pairs.value)
    for (let index = first; index < first + DRAWN && ended === before; index++) {
      pairs.value = [...pairs.value, ...drawPairs(1, controlKind.value, index)]
      await new Promise((resolve) => setTimeout(resolve))
    }
  })
  return adding
}

/** Ends the adding. Drawings that are not there yet do not come. */
export function endAdding(): void {
  ended++
}

export const settings = signal<TrainSettings>(DEFAULT_SETTINGS)

export type TrainPhase =
  | { readonly phase: "idle" }
  | { readonly phase: "caching"; readonly done: number; readonly count: number }
  | { readonly phase: "training"; readonly step: number; readonly secondsPerStep: number | null }
  /** Draws the held-out controls of a finished run. */
  | { readonly phase: "judging" }
  | { readonly phase: "failed"; readonly problem: Sentence }

export const trainState = signal<TrainPhase>({ phase: "idle" })
/** Whether a training runs, from its first pair to the measuring. */
export const isTraining = computed(() => trainState.value.phase !== "idle" && trainState.value.phase !== "failed")
/** What the shown run follows from. Null before the first run. */
export const shownRun = signal<RunPlan | null>(null)
export const losses = signal<readonly number[]>([])
/** What the shown run does not follow, one sentence each. */
export const notices = signal<readonly Sentence[]>([])
/** Samples of the first held-out control, with their steps. */
export const samples = signal<readonly Sample[]>([])
/** The held-out pictures without the LLLite. */
export const without = signal<readonly RgbImage[]>([])
/** What samples are drawn of. Null before the first run. */
export const sampled = signal<HeldOut | null>(null)
/** Why a sample is missing. Null if none is. */
export const sampleProblem = signal<Sentence | null>(null)
/** Runs that the browser keeps, without the shown one while it trains. */
export const keptRuns = signal<readonly KeptRun[]>([])

/** The result of the shown run. */
export interface Trained {
  readonly lllite: LlliteModel
  readonly step: number
  /** Null: it was not measured. */
  readonly verdict: Verdict | null
  /** Whether it can be chosen under Draw. */
  readonly isListed: boolean
}

/** Null if the run took no step. */
export const trained = signal<Trained | null>(null)

/** The measured seconds of a step, over those that were planned. 1 before a run. */
export const pace = signal(1)
