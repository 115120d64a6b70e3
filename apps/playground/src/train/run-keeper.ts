import type { TrainState } from "@lllite/core/training"
import { problemOf, type Sentence, sentence } from "../language/sentence.ts"
import { keepPlan, keepState, type RunPlan, type RunState } from "./saved-runs.ts"
import { losses, notices, samples, without } from "./train-state.ts"

/**
 * Milliseconds between two states that are kept. A page that ends cannot keep one: browsers write values of this size
 * only while the page lives.
 */
const KEEP_AFTER = 2000

/** Keeps a run in the browser, so that a reload loses none. A browser without room stops nothing. */
export interface RunKeeper {
  /** Keeps what the run follows from. @returns why it cannot, or null */
  begin(): Promise<Sentence | null>
  /** Takes the state after a step. */
  take(state: TrainState): void
  /** The state that was taken last, or null. */
  latest(): TrainState | null
  /** Keeps the state that was taken last, if the one before was kept some time ago. */
  periodic(): Promise<void>
  /** Keeps a state now. */
  keep(state: TrainState): Promise<void>
}

export function createRunKeeper(plan: RunPlan): RunKeeper {
  let latest: TrainState | null = null
  let keptAt = Number.NEGATIVE_INFINITY
  let isOff = false
  const recordOf = (state: TrainState): RunState => ({
    ...{ id: plan.id, state, losses: losses.value.slice(0, state.step), samples: samples.value },
    ...{ without: without.value, savedAt: Date.now() },
  })
  const keep = async (state: TrainState): Promise<void> => {
    if (isOff) return
    try {
      await keepState(recordOf(state), plan)
      keptAt = performance.now()
    } catch (error) {
      isOff = true
      notices.value = [...notices.value, sentence("train", "runNotKept", problemOf(error))]
    }
  }
  return {
    async begin() {
      try {
        await keepPlan(plan)
        return null
      } catch (error) {
        isOff = true
        return problemOf(error)
      }
    },
    take(state) {
      latest = state
    },
    latest: () => latest,
    async periodic() {
      if (latest !== null && performance.now() - keptAt >= KEEP_AFTER) await keep(latest)
    },
    keep,
  }
}
