import type { Job } from "../jobs/job.ts"
import type { JobQueue } from "../jobs/job-queue.ts"

/** The answer of `/sdapi/v1/progress`. */
export interface Progress {
  /** 0 to 1. */
  readonly progress: number
  /** Seconds until the running job ends. */
  readonly eta_relative: number
  readonly state: object
  /** The estimate of the last step, as a PNG in Base64. */
  readonly current_image: string | null
  readonly textinfo: string | null
}

/** Watches the jobs of A1111's API. */
export interface ProgressWatch {
  now(withImage: boolean): Progress
  /** The last preview of a job. Null: there was none. */
  preview(job: string): Uint8Array | null
  close(): void
}

/** Whether a job came by A1111's API. Other jobs are not seen and not interrupted by it. */
export function isOfA1111({ note }: Job): boolean {
  return note.api === "a1111"
}

export function watchProgress(queue: JobQueue): ProgressWatch {
  let last: { readonly job: string; readonly png: Uint8Array } | null = null
  const leave = queue.listen({
    preview: (job, png) => {
      if (isOfA1111(job)) last = { job: job.id, png }
    },
  })
  return {
    preview: (job) => (last?.job === job ? last.png : null),
    close: leave,
    now(withImage) {
      const job = queue.running.find(isOfA1111)
      const idle = { skipped: false, interrupted: false, stopping_generation: false }
      if (job === undefined) {
        const state = {
          ...idle,
          job: "",
          job_count: 0,
          job_timestamp: "0",
          job_no: 0,
          sampling_step: 0,
          sampling_steps: 0,
        }
        return { progress: 0, eta_relative: 0, state, current_image: null, textinfo: null }
      }
      const { done = 0, count = 1, step = 0, steps = 0 } = queue.progress(job.id) ?? {}
      const part = Math.min(1, Math.max(0.01, done / Math.max(1, count)))
      const started = Date.parse(job.started ?? job.created)
      const taken = Math.max(0, Date.now() - started) / 1000
      const png = withImage ? (last?.job === job.id ? last.png : null) : null
      return {
        progress: part,
        eta_relative: taken / part - taken,
        state: {
          ...{ ...idle, job: job.id, job_count: count, job_timestamp: timestamp(started) },
          ...{ job_no: Math.floor(done), sampling_step: step, sampling_steps: steps },
        },
        current_image: png === null ? null : Buffer.from(png).toString("base64"),
        textinfo: queue.waiting.length === 0 ? null : `${queue.waiting.length} jobs wait.`,
      }
    },
  }
}

/** A time as A1111 writes it: 20261129134500. */
export function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replaceAll(/\D/g, "").slice(0, 14)
}
