import type { Reporter } from "../terminal/progress.ts"
import { createReporter } from "../terminal/progress.ts"

/** What a command says when it is told to stop. */
export const STOPPING = {
  /** Work is saved after the current step. */
  saves: "Stopping after this step. To end at once without saving, press Ctrl-C again.",
  /** There is nothing to wait for. */
  ends: "Stopping …",
} as const

/** Runs long work with a reporter on stdout, which also says that the work is stopping. */
export async function watched(
  signal: AbortSignal,
  stopping: string,
  work: (reporter: Reporter) => Promise<void>,
): Promise<void> {
  const reporter = createReporter(process.stdout)
  const onStop = (): void => reporter.say("stopping", {}, stopping)
  signal.addEventListener("abort", onStop)
  try {
    await work(reporter)
  } finally {
    signal.removeEventListener("abort", onStop)
    reporter.close()
  }
}
