import { EXIT_INTERRUPTED } from "./errors.ts"
import type { Reporter } from "./progress.ts"

/** Ctrl-C, watched. */
export interface Interrupt {
  /** Aborted at the first Ctrl-C. */
  readonly signal: AbortSignal
  /** Gives Ctrl-C back its usual meaning. */
  stop(): void
}

/** The first Ctrl-C (or SIGTERM) asks the run to end and save; the second ends the program at once. */
export function watchInterrupt(reporter: Reporter): Interrupt {
  const controller = new AbortController()
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(EXIT_INTERRUPTED)
    reporter.say("stopping", {}, "Stopping after this step. Press Ctrl-C again to end at once, without saving.")
    controller.abort()
  }
  const signals = ["SIGINT", "SIGTERM"] as const
  for (const name of signals) process.on(name, onSignal)
  return {
    signal: controller.signal,
    stop: () => {
      for (const name of signals) process.off(name, onSignal)
    },
  }
}
