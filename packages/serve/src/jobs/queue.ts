import { randomUUID } from "node:crypto"
import type { ErrorText } from "../errors.ts"
import { errorText, ServeError } from "../errors.ts"
import type { Limits } from "../limits.ts"
import { MOST_ATTEMPTS } from "../limits.ts"
import type { EventStream } from "./event-stream.ts"
import { createEventStream } from "./event-stream.ts"
import type { Job, JobEvent, JobRequest, JobState, ResultFile } from "./job.ts"
import { isFinal } from "./job.ts"
import type { JobStore } from "./job-store.ts"
import type { JobReport } from "./runner.ts"

/** What the queue tells of a job, to those who watch all of them. */
export interface QueueListener {
  /** An event, with the job after it. */
  event?(job: Job, event: JobEvent): void
  preview?(job: Job, png: Uint8Array): void
}

/** Does the work of a job and keeps its files. Reports as a runner does. */
export type Work = (
  job: Job,
  signal: AbortSignal,
  report: (report: JobReport) => void,
) => Promise<readonly ResultFile[]>

export interface QueueOptions {
  readonly store: JobStore
  readonly work: Work
  readonly limits: Limits
  /** Called with a job that is no longer kept. Its files may be removed. */
  readonly forget: (job: Job) => Promise<void>
  /** Told of errors that clients do not learn. */
  readonly log: { error(fields: object, text: string): void }
  /** Folder of the server's files, which messages leave out. */
  readonly root: string
}

/** Jobs that run one after another, and are kept on disk. */
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
  /** Takes no more jobs, and ends all streams. Running jobs get a moment to end; the others wait for the next start. */
  stop(): Promise<void>
}

/** Why a running job is stopped. */
type StopReason = "cancelled" | "time" | "server"

interface Running {
  readonly controller: AbortController
  readonly done: Promise<void>
  reason: StopReason | null
}

/** Opens the queue with the jobs of earlier runs. Those that had not ended run again. */
export async function openQueue({ store, work, limits, forget, log, root }: QueueOptions): Promise<JobQueue> {
  const jobs = new Map<string, Job>(store.jobs.map((job) => [job.id, job]))
  const newest = new Map<string, JobEvent & { readonly type: "progress" }>()
  const running = new Map<string, Running>()
  const streams = new Map<string, Set<EventStream>>()
  const listeners = new Set<QueueListener>()
  let [lastSequence, firstSequence] = [0, 0]
  let lastEvent = 0
  let accepting = 0
  let isStopping = false
  /** Waiting jobs whose cancelling is not on the disk yet. */
  const cancelling = new Set<string>()
  for (const { sequence, events } of jobs.values()) {
    lastSequence = Math.max(lastSequence, sequence)
    firstSequence = Math.min(firstSequence, sequence)
    for (const { id } of events) lastEvent = Math.max(lastEvent, id)
  }

  // Times, so that ids of progress that is not kept do not come again after a restart.
  const nextEvent = (): number => {
    lastEvent = Math.max(lastEvent + 1, Date.now())
    return lastEvent
  }
  const inState = (state: JobState): readonly Job[] =>
    [...jobs.values()].filter((job) => job.state === state).sort((a, b) => a.sequence - b.sequence)

  // A job that has begun is on the disk as such a moment later.
  const waiting = (): readonly Job[] => inState("queued").filter(({ id }) => !running.has(id))

  const tell = (job: Job, event: JobEvent): void => {
    for (const stream of streams.get(job.id) ?? []) stream.push(event)
    for (const listener of listeners) listener.event?.(job, event)
  }
  const stateEvent = (state: JobState, error: ErrorText | null = null): JobEvent => ({
    ...{ id: nextEvent(), type: "state", state },
    ...(error === null ? {} : { error }),
  })

  /** Gives a job another state, on the disk first. */
  const change = async (id: string, state: JobState, fields: Partial<Job>, results: readonly ResultFile[] = []) => {
    const before = get(id)
    const made: readonly JobEvent[] = results.map((file) => ({ id: nextEvent(), type: "result", file }))
    const last = stateEvent(state, fields.error ?? null)
    const job: Job = { ...before, ...fields, state, events: [...before.events, ...made, last] }
    await store.save(job)
    jobs.set(id, job)
    for (const event of [...made, last]) tell(job, event)
    return job
  }

  const get = (id: string): Job => {
    const job = jobs.get(id)
    if (job === undefined) throw new ServeError("job-unknown", `there is no job ${JSON.stringify(id.slice(0, 80))}.`)
    return job
  }

  const report = (id: string, told: JobReport): void => {
    const job = get(id)
    if (told.type === "preview") {
      for (const listener of listeners) listener.preview?.(job, told.png)
      return
    }
    const event: JobEvent = { id: nextEvent(), ...told }
    if (event.type === "progress") newest.set(id, event)
    else {
      if (job.events.length >= MOST_EVENTS) return
      jobs.set(id, { ...job, events: [...job.events, event] })
    }
    tell(get(id), event)
  }

  const run = async (job: Job, own: { reason: StopReason | null }, controller: AbortController): Promise<void> => {
    const { id } = job
    const stop = (reason: StopReason): void => {
      own.reason ??= reason
      controller.abort(new Error(reason))
    }
    const hasLimit = job.kind !== "train" && job.kind !== "dataset make"
    const timer = hasLimit ? setTimeout(() => stop("time"), 1000 * limits.jobSeconds) : undefined
    try {
      const started = await change(id, "running", { attempts: job.attempts + 1, started: now() })
      controller.signal.throwIfAborted()
      const results = await work(started, controller.signal, (told) => report(id, told))
      await change(id, "done", { results, finished: now() }, results)
    } catch (error) {
      await settle(get(id), error, own.reason)
    } finally {
      clearTimeout(timer)
      newest.delete(id)
    }
  }

  /** What becomes of a job whose work did not end well. */
  const settle = async (job: Job, error: unknown, reason: StopReason | null): Promise<void> => {
    const { id, attempts } = job
    if (reason === "cancelled") await change(id, "cancelled", { finished: now() })
    // A server that stops does not count as a failure of the job.
    else if (reason === "server") await change(id, "queued", { attempts: Math.max(0, attempts - 1), started: null })
    else if (error instanceof ServeError && error.code === "worker-lost" && attempts < MOST_ATTEMPTS) {
      log.error({ job: id, attempts, err: error }, "the worker ended, and the job is tried again")
      await change(id, "queued", { started: null })
    } else {
      const late = `the job took longer than ${limits.jobSeconds} seconds. Ask for less, or raise --max_job_seconds.`
      const cause = reason === "time" ? new ServeError("job-time", late) : error
      log.error({ job: id, err: cause }, "the job failed")
      await change(id, "failed", { error: errorText(cause, root), finished: now() })
    }
  }

  const pump = (): void => {
    if (isStopping || running.size >= PLACES) return
    const [next] = waiting().filter(({ id }) => !cancelling.has(id))
    if (next === undefined) return
    const controller = new AbortController()
    const own: { reason: StopReason | null } = { reason: null }
    const done = run(next, own, controller)
      .catch((error: unknown) => log.error({ job: next.id, err: error }, "the state of the job cannot be saved"))
      .then(async () => {
        running.delete(next.id)
        await trim()
        pump()
      })
    running.set(next.id, Object.assign(own, { controller, done }))
  }

  /** Forgets the oldest ended jobs. */
  const trim = async (): Promise<void> => {
    const ended = [...jobs.values()].filter(isFinal).sort((a, b) => a.sequence - b.sequence)
    for (const job of ended.slice(0, Math.max(0, ended.length - limits.keptJobs))) await discard(job)
  }
  const discard = async (job: Job): Promise<void> => {
    jobs.delete(job.id)
    streams.delete(job.id)
    await store.remove(job.id)
    await forget(job)
  }

  // What ran when the server ended runs again. What ended it may have been the job.
  for (const job of inState("running")) {
    const isTraining = job.kind === "train"
    if (!isTraining && job.attempts < MOST_ATTEMPTS) {
      await change(job.id, "queued", { started: null })
      continue
    }
    const message = isTraining
      ? "the server ended while the training ran. Start it again."
      : `the server ended while the job ran, ${job.attempts} times. Send it again if the job is not the cause.`
    await change(job.id, "failed", {
      error: errorText(new ServeError("interrupted", message)),
      finished: now(),
    })
  }
  pump()

  const queue: JobQueue = {
    get jobs() {
      return [...jobs.values()].sort((a, b) => a.sequence - b.sequence)
    },
    get waiting() {
      return waiting()
    },
    get running() {
      return [...running.keys()].map(get).filter((job) => !isFinal(job))
    },
    get,
    progress: (id) => newest.get(id) ?? null,
    async submit({ kind, input, note = { api: "lllite" }, first = false }) {
      if (isStopping) throw new ServeError("stopping", "the server stops and takes no jobs. Try again in a moment.")
      if (waiting().length + accepting >= limits.queue) {
        throw new ServeError("queue-full", `${limits.queue} jobs wait already. Try again later, or raise --max_queue.`)
      }
      const id = randomUUID()
      const sequence = first ? --firstSequence : ++lastSequence
      const times = { created: now(), started: null, finished: null }
      const state = stateEvent("queued")
      const job: Job = {
        ...{ id, sequence, kind, input, note, state: "queued", attempts: 0, ...times },
        ...{ results: [], error: null, events: [state] },
      }
      accepting += 1
      try {
        await store.save(job)
      } finally {
        accepting -= 1
      }
      jobs.set(id, job)
      tell(job, state)
      pump()
      return job
    },
    async cancel(id) {
      const job = get(id)
      if (isFinal(job)) throw new ServeError("job-state", `the job has ended: it is ${job.state}.`)
      const own = running.get(id)
      if (own === undefined) {
        cancelling.add(id)
        return change(id, "cancelled", { finished: now() }).finally(() => cancelling.delete(id))
      }
      own.reason ??= "cancelled"
      own.controller.abort(new Error("cancelled"))
      return get(id)
    },
    async remove(id) {
      const job = get(id)
      if (!isFinal(job)) throw new ServeError("job-state", `the job is ${job.state}. Cancel it first.`)
      await discard(job)
    },
    async *watch(id, after, signal) {
      const stream = createEventStream(get(id), newest.get(id) ?? null, after)
      const all = streams.get(id) ?? new Set()
      streams.set(id, all.add(stream))
      try {
        yield* stream.read(signal)
      } finally {
        all.delete(stream)
        if (all.size === 0) streams.delete(id)
      }
    },
    async ended(id, signal) {
      for await (const _ of queue.watch(id, Number.POSITIVE_INFINITY, signal)) {
        // The state alone is of interest.
      }
      signal.throwIfAborted()
      return get(id)
    },
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async stop() {
      isStopping = true
      const all = [...running.values()]
      const timer = setTimeout(() => {
        for (const own of all) {
          own.reason ??= "server"
          own.controller.abort(new Error("server"))
        }
      }, 1000 * limits.stopSeconds)
      await Promise.all(all.map(({ done }) => done))
      clearTimeout(timer)
      for (const all of streams.values()) for (const stream of all) stream.end()
    },
  }
  return queue
}

/** Jobs that run at once. A job uses all of the device. */
const PLACES = 1

/** Events that are kept of a job, progress aside. */
const MOST_EVENTS = 1000

function now(): string {
  return new Date().toISOString()
}
