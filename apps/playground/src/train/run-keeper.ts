import type { TrainState } from "@lllite/core/training"
import { messageOf } from "../page/model.ts"
import { keepPlan, keepState, keepStateAtEnd, type RunPlan, type RunState } from "./saved-runs.ts"
import { losses, notices, samples, without } from "./train-state.ts"

/** Steps between two states that are kept. */
const KEEP_EVERY = 5

/** Keeps a run in the browser, so that a reload loses none. A browser without room stops nothing. */
export interface RunKeeper {
  /** Keeps what the run follows from, and begins to watch for the page's end. @returns why it cannot, or null */
  begin(): Promise<string | null>
  /** Takes the state after a step, and keeps it when the page ends. */
  take(state: TrainState): void
  /** The state that was taken last, or null. */
  latest(): TrainState | null
  /** Keeps the state that was taken last, every few steps. */
  periodic(step: number): Promise<void>
  /** Keeps a state now. */
  keep(state: TrainState): Promise<void>
  /** Ends the watching. */
  end(): void
}

export function createRunKeeper(plan: RunPlan): RunKeeper {
  let latest: TrainState | null = null
  let keptStep = -1
  let isOff = false
  const recordOf = (state: TrainState): RunState => ({
    ...{ id: plan.id, state, losses: losses.value.slice(0, state.step), samples: samples.value },
    ...{ without: without.value, savedAt: Date.now() },
  })
  const atEnd = (): void => {
    if (isOff || latest === null || latest.step === keptStep) return
    keptStep = latest.step
    keepStateAtEnd(recordOf(latest), plan)
  }
  const atHiding = (): void => {
    if (document.visibilityState === "hidden") atEnd()
  }
  const keep = async (state: TrainState): Promise<void> => {
    if (isOff) return
    try {
      await keepState(recordOf(state), plan)
      keptStep = state.step
    } catch (error) {
      isOff = true
      notices.value = [...notices.value, `The run is not kept any more: ${messageOf(error)}. A reload loses it.`]
    }
  }
  return {
    async begin() {
      globalThis.addEventListener?.("pagehide", atEnd)
      globalThis.document?.addEventListener("visibilitychange", atHiding)
      try {
        await keepPlan(plan)
        return null
      } catch (error) {
        isOff = true
        return messageOf(error)
      }
    },
    take(state) {
      latest = state
    },
    latest: () => latest,
    async periodic(step) {
      if (step % KEEP_EVERY === 0 && latest !== null) await keep(latest)
    },
    keep,
    end() {
      globalThis.removeEventListener?.("pagehide", atEnd)
      globalThis.document?.removeEventListener("visibilitychange", atHiding)
    },
  }
}
