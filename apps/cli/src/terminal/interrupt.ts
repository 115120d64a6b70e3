import { EXIT_INTERRUPTED } from "./errors.ts"
import type { Reporter } from "./progress.ts"

/** A watch for Ctrl-C. */
export interface Interrupt {
  /** Aborted at the first Ctrl-C. */
  readonly signal: AbortSignal
  /** Ends the watch: Ctrl-C has its usual effect again. */
  stop(): void
}

/** The first Ctrl-C (or SIGTERM) aborts the signal: the run saves and ends. The second ends the program at once. */
export function watchInterrupt(reporter: Reporter): Interrupt {
  const controller = new AbortController()
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(EXIT_INTERRUPTED)
    reporter.say("stopping", {}, "Stopping after this step. To end at once without saving, press Ctrl-C again.")
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
