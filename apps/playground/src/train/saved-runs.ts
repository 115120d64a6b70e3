import type { RgbImage } from "@lllite/core/image"
import type { TrainState } from "@lllite/core/training"
import { changeKept, readKept } from "../kept/database.ts"
import { PageError, sentence } from "../language/sentence.ts"
import type { ControlKind } from "../pictures/control-kinds.ts"
import type { Split } from "./pairs.ts"
import type { TrainSettings } from "./train-settings.ts"

/*
 * Runs are kept in the browser, so that a reload loses none. What a run follows from is written once, and its state
 * every few seconds. A database of the browser writes a value whole or not at all.
 */

/** What a run follows from. */
export interface RunPlan {
  readonly id: string
  readonly settings: TrainSettings
  readonly kind: ControlKind
  readonly split: Split
}

/** What a run follows from, as it is kept. One of an earlier edition of the page has no strengths. */
interface StoredPlan extends Omit<RunPlan, "settings"> {
  readonly settings: Omit<TrainSettings, "strengths"> & Partial<Pick<TrainSettings, "strengths">>
}

/** A run between two steps, with what the page shows of it. */
export interface RunState {
  readonly id: string
  readonly state: TrainState
  readonly losses: readonly number[]
  readonly samples: readonly Sample[]
  /** The held-out pictures without the LLLite. Empty until they are drawn. */
  readonly without: readonly RgbImage[]
  /** Milliseconds since 1970. */
  readonly savedAt: number
}

/** A picture that was drawn of a held-out control after a step. */
export interface Sample {
  readonly step: number
  readonly image: RgbImage
}

/** A kept run in short. */
export interface KeptRun {
  readonly id: string
  readonly step: number
  readonly steps: number
  readonly pairs: number
  readonly savedAt: number
}

/** The runs in short, what they follow from, and their states. */
const STORES = ["runs", "plans", "states"] as const

/** Keeps what a run follows from. @throws Error when the browser keeps nothing, or has no room */
export async function keepPlan(plan: RunPlan): Promise<void> {
  await changeKept(["plans"], (storeOf) => storeOf("plans").put(plan))
}

/** Keeps the state of a run. @throws Error when the browser keeps nothing, or has no room */
export async function keepState(state: RunState, { settings: { steps }, split }: RunPlan): Promise<void> {
  const { id, savedAt } = state
  const short: KeptRun = { id, step: state.state.step, steps, pairs: split.trained.length, savedAt }
  await changeKept(["runs", "states"], (storeOf) => {
    storeOf("runs").put(short)
    storeOf("states").put(state)
  })
}

/** The kept runs, the last one first. Those that another tab trains are left out. */
export async function listRuns(): Promise<readonly KeptRun[]> {
  const runs = await readKept<KeptRun[]>("runs", (store) => store.getAll())
  const held = (await navigator.locks?.query())?.held ?? []
  return runs.filter(({ id }) => !held.some(({ name }) => name === lockName(id))).sort((a, b) => b.savedAt - a.savedAt)
}

/** A kept run. Null if it is not there. */
export async function readRun(id: string): Promise<{ readonly plan: RunPlan; readonly state: RunState } | null> {
  const plan = await readKept<StoredPlan | undefined>("plans", (store) => store.get(id))
  const state = await readKept<RunState | undefined>("states", (store) => store.get(id))
  if (plan === undefined || state === undefined) return null
  // A run of an earlier edition of the page trained strength 1 alone.
  return { plan: { ...plan, settings: { ...plan.settings, strengths: plan.settings.strengths ?? "one" } }, state }
}

/** Removes a kept run. */
export async function removeRun(id: string): Promise<void> {
  await changeKept(STORES, (storeOf) => {
    for (const store of STORES) storeOf(store).delete(id)
  })
}

/**
 * Does work on a run that no other tab may do at the same time.
 *
 * @throws PageError when another tab does it
 */
export async function whileHeld(id: string, work: () => Promise<void>): Promise<void> {
  const { locks } = globalThis.navigator ?? {}
  if (locks === undefined) return work()
  let isAsked = false
  try {
    await locks.request(lockName(id), { ifAvailable: true }, async (lock) => {
      isAsked = true
      if (lock === null) throw new PageError(sentence("train", "otherTab"))
      await work()
    })
  } catch (error) {
    if (isAsked) throw error
    // Where storage is denied, locks are, too. Then tabs share no run.
    await work()
  }
}

function lockName(id: string): string {
  return `lllite run ${id}`
}
