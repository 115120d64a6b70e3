import type { Job, JobEvent } from "./job.ts"
import { isFinal } from "./job.ts"

/** Live events of one job, for one reader. */
export interface EventStream {
  push(event: JobEvent): void
  /** Ends the stream before the job ends, such as when the server stops. */
  end(): void
  /** Events until the job has ended, or the signal aborts. */
  read(signal: AbortSignal): AsyncGenerator<JobEvent, void, void>
}

/**
 * A stream that begins after the event `after`. A slow reader gets the newest progress alone, so that it never fills the
 * memory.
 *
 * @param job the job now, with the events until now
 * @param progress the newest progress, or null
 */
export function createEventStream(job: Job, progress: JobEvent | null, after: number): EventStream {
  const now = progress === null || isFinal(job) ? job.events : [...job.events, progress]
  const waiting: JobEvent[] = now.filter(({ id }) => id > after).sort((a, b) => a.id - b.id)
  let wake: (() => void) | null = null
  let hasEnded = isFinal(job)
  return {
    push(event) {
      if (event.type === "progress" && waiting.at(-1)?.type === "progress") waiting.pop()
      waiting.push(event)
      if (event.type === "state" && isFinal(event)) hasEnded = true
      wake?.()
    },
    end() {
      hasEnded = true
      wake?.()
    },
    async *read(signal) {
      const onAbort = (): void => wake?.()
      signal.addEventListener("abort", onAbort)
      try {
        while (!signal.aborted) {
          const next = waiting.shift()
          if (next !== undefined) yield next
          else if (hasEnded) return
          else await new Promise<void>((resolve) => (wake = resolve))
        }
      } finally {
        signal.removeEventListener("abort", onAbort)
      }
    },
  }
}
