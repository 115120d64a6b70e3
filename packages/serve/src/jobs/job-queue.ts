import type { Limits } from "../limits.ts"
import type { Job, JobEvent, JobRequest } from "./job.ts"
import type { JobStore } from "./job-store.ts"

/** What the queue tells of a job, to those who watch all of them. */
export interface QueueListener {
  /** An event, with the job after it. */
  event?(job: Job, event: JobEvent): void
  preview?(job: Job, png: Uint8Array): void
}

/** What every queue needs. */
export interface QueueOptions {
  readonly store: JobStore
  readonly limits: Limits
  /** Called with a job that is no longer kept. Its files may be removed. */
  readonly forget: (job: Job) => Promise<void>
  /** Is called with what clients do not get. */
  readonly log: { info(fields: object, text: string): void; error(fields: object, text: string): void }
  /** Folder of the server's files, which messages leave out. */
  readonly root: string
}

/** Where the work of jobs is done, for those who watch the server. */
export type RunPlace =
  | { readonly kind: "here" }
  /** `workers`: how many are connected. Null: Redis does not say, or does not answer. */
  | { readonly kind: "redis"; readonly isConnected: boolean; readonly workers: number | null }

/** Jobs that are kept on disk until they are no longer wanted. The APIs know nothing of where they run. */
export interface JobQueue {
  /** All jobs that are kept, by their order. */
  readonly jobs: readonly Job[]
  /** Jobs that wait, and jobs that run. */
  readonly waiting: readonly Job[]
  readonly running: readonly Job[]
  /**
   * Accepts a job. When it resolves, the job is on the disk: it runs to its end, or is reported, also after a restart.
   *
   * @throws ServeError `queue-full`, `stopping`
   */
  submit(request: JobRequest): Promise<Job>
  /** @throws ServeError `job-unknown` */
  get(id: string): Job
  /** The newest progress of a running job. Null: it has none. */
  progress(id: string): (JobEvent & { readonly type: "progress" }) | null
  /** Cancels a job. One that runs ends within a step. @throws ServeError `job-unknown`, `job-state` for one that has ended */
  cancel(id: string): Promise<Job>
  /** Removes an ended job and its files. @throws ServeError `job-unknown`, `job-state` for one that has not ended */
  remove(id: string): Promise<void>
  /** The events of a job after the event `after`, until it ends. @throws ServeError `job-unknown` */
  watch(id: string, after: number, signal: AbortSignal): AsyncGenerator<JobEvent, void, void>
  /** The job when it has ended. @throws ServeError `job-unknown`; the signal's reason */
  ended(id: string, signal: AbortSignal): Promise<Job>
  listen(listener: QueueListener): () => void
  runPlace(): Promise<RunPlace>
  /** Takes no more jobs, and ends all streams. Jobs that run here get a moment to end; the others wait for the next start. */
  stop(): Promise<void>
}
