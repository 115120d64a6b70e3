import { watchInterrupt } from "../terminal/interrupt.ts"
import type { Reporter } from "../terminal/progress.ts"
import { createReporter } from "../terminal/progress.ts"

/** Runs long work with a reporter on stdout. Ctrl-C aborts its signal. */
export async function watched(work: (reporter: Reporter, signal: AbortSignal) => Promise<void>): Promise<void> {
  const reporter = createReporter(process.stdout)
  const interrupt = watchInterrupt(reporter)
  try {
    await work(reporter, interrupt.signal)
  } finally {
    interrupt.stop()
    reporter.close()
  }
}
