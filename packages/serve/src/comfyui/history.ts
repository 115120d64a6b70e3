import type { Job } from "../jobs/job.ts"
import { isFinal } from "../jobs/job.ts"
import type { JobQueue } from "../jobs/job-queue.ts"
import { noteOf, outputsOf, queueEntry } from "./prompt.ts"
import { endOf } from "./sockets.ts"

/** The ended jobs of ComfyUI's API, in its form. @param most the newest ones alone. Default: all */
export function historyOf(queue: JobQueue, most = Number.POSITIVE_INFINITY): Readonly<Record<string, object>> {
  const entries = queue.jobs.filter((job) => isFinal(job) && noteOf(job) !== null)
  const last = Number.isFinite(most) ? entries.slice(Math.max(0, entries.length - most)) : entries
  return Object.assign({}, ...last.map(historyEntry))
}

/** One ended job by its id. Nothing for others. */
export function historyEntry(job: Job): Readonly<Record<string, object>> {
  const note = noteOf(job)
  if (note === null || !isFinal(job)) return {}
  const about = { prompt_id: job.id, timestamp: Date.parse(job.finished ?? job.created) }
  const start = { prompt_id: job.id, timestamp: Date.parse(job.started ?? job.created) }
  return {
    [job.id]: {
      prompt: queueEntry(job, note),
      outputs: outputsOf(job.results, note),
      status: {
        status_str: job.state === "done" ? "success" : "error",
        completed: job.state === "done",
        messages: [["execution_start", start], endOf(job, about, note)],
      },
      meta: {},
    },
  }
}
