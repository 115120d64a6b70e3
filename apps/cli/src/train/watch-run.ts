import type { NodeRuntime, TrainRunStep } from "@lllite/runtime-node"
import { InputError } from "@lllite/runtime-node"
import type { Reporter } from "../terminal/progress.ts"
import type { RunObserver, StepRecord } from "./observer.ts"
import type { StepHistory } from "./step-history.ts"

/** What a run gives to those that watch it. */
export interface WatchedRun {
  /** Steps in an epoch. */
  readonly perEpoch: number
  /** The steps so far. The watch adds to it. */
  readonly history: StepHistory
  readonly runtime: Pick<NodeRuntime, "device" | "memory">
  readonly observers: readonly RunObserver[]
  readonly reporter: Reporter
}

/** Hands the steps of a run to its observers. */
export interface RunWatch {
  /** Adds a step to the history, and tells the observers. */
  step(event: Omit<TrainRunStep, "state">): Promise<void>
  /** The run goes on: the time of the next step begins. */
  ready(): void
  close(): Promise<void>
}

const MEBIBYTE = 2 ** 20

/**
 * Watches a run. An observer whose file cannot be written is left out from then on, with a notice: the training matters
 * more.
 */
export function watchRun({ perEpoch, history, runtime, observers, reporter }: WatchedRun): RunWatch {
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
        const text = `${error.message} Nothing more is written there. The training goes on.`
        reporter.say("notice", { text }, `Note: ${text}`)
        await observer.close?.()
      }
    }
  }
  return {
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
    ready() {
      began = performance.now()
    },
    async close() {
      await tell((observer) => observer.close?.())
      active.clear()
    },
  }
}
