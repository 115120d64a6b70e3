import { randomUUID } from "node:crypto"
import type { ErrorText } from "../errors.ts"
import { ServeError } from "../errors.ts"
import type { EventStream } from "./event-stream.ts"
import { createEventStream } from "./event-stream.ts"
import type { Job, JobEvent, JobRequest, JobState, ResultFile } from "./job.ts"
import { isFinal } from "./job.ts"
import type { JobQueue, QueueListener, QueueOptions } from "./job-queue.ts"
import type { JobReport } from "./runner.ts"

/** The part of a queue that does not depend on where jobs run. */
type Kept = Pick<JobQueue, "jobs" | "get" | "progress" | "remove" | "watch" | "ended" | "listen">

/** The jobs of a queue: on disk, in memory, and reported to those who watch. */
export interface JobRecords extends Kept {
  /** A job that may be unknown. */
  find(id: string): Job | null
  /** The jobs of a state, by their order. */
  inState(state: JobState): readonly Job[]
  /**
   * Keeps a new job.
   *
   * @param waiting how many jobs wait
   * @throws ServeError `queue-full`, `stopping`
   */
  accept(request: JobRequest, waiting: number): Promise<Job>
  /** Gives a job another state, on the disk first. */
  change(id: string, state: JobState, fields: Partial<Job>, results?: readonly ResultFile[]): Promise<Job>
  /** Takes what a running job reports. */
  report(id: string, report: JobReport): void
  /** Forgets the progress of a job that runs no longer. */
  rest(id: string): void
  /** Forgets the oldest ended jobs. */
  trim(): Promise<void>
  /** From now on, no job is accepted. */
  refuse(): void
  /** Ends all streams. */
  endStreams(): void
}

/** Events that are kept of a job, progress aside. */
const MOST_EVENTS = 1000

/** The jobs of a store. */
export function createJobRecords({
  store,
  limits,
  forget,
}: Pick<QueueOptions, "store" | "limits" | "forget">): JobRecords {
  const jobs = new Map<string, Job>(store.jobs.map((job) => [job.id, job]))
  const newest = new Map<string, JobEvent & { readonly type: "progress" }>()
  const streams = new Map<string, Set<EventStream>>()
  const listeners = new Set<QueueListener>()
  let [lastSequence, firstSequence] = [0, 0]
  let lastEvent = 0
  let accepting = 0
  let isRefusing = false
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
  const tell = (job: Job, event: JobEvent): void => {
    for (const stream of streams.get(job.id) ?? []) stream.push(event)
    for (const listener of listeners) listener.event?.(job, event)
  }
  const stateEvent = (state: JobState, error: ErrorText | null = null): JobEvent => ({
    ...{ id: nextEvent(), type: "state", state },
    ...(error === null ? {} : { error }),
  })
  const get = (id: string): Job => {
    const job = jobs.get(id)
    if (job === undefined) throw new ServeError("job-unknown", `there is no job ${JSON.stringify(id.slice(0, 80))}.`)
    return job
  }
  const ordered = (): readonly Job[] => [...jobs.values()].sort((a, b) => a.sequence - b.sequence)
  const discard = async (job: Job): Promise<void> => {
    jobs.delete(job.id)
    streams.delete(job.id)
    await store.remove(job.id)
    await forget(job)
  }

  const records: JobRecords = {
    get jobs() {
      return ordered()
    },
    get,
    find: (id) => jobs.get(id) ?? null,
    inState: (state) => ordered().filter((job) => job.state === state),
    progress: (id) => newest.get(id) ?? null,
    rest: (id) => void newest.delete(id),
    async accept({ kind, input, note = { api: "lllite" }, first = false }, waiting) {
      if (isRefusing) throw new ServeError("stopping", "the server stops and takes no jobs. Try again in a moment.")
      if (waiting + accepting >= limits.queue) {
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
      return job
    },
    async change(id, state, fields, results = []) {
      const before = get(id)
      const made: readonly JobEvent[] = results.map((file) => ({ id: nextEvent(), type: "result", file }))
      const last = stateEvent(state, fields.error ?? null)
      const job: Job = { ...before, ...fields, state, events: [...before.events, ...made, last] }
      await store.save(job)
      jobs.set(id, job)
      for (const event of [...made, last]) tell(job, event)
      return job
    },
    report(id, report) {
      const job = get(id)
      if (report.type === "preview") {
        for (const listener of listeners) listener.preview?.(job, report.png)
        return
      }
      const event: JobEvent = { id: nextEvent(), ...report }
      if (event.type === "progress") newest.set(id, event)
      else {
        if (job.events.length >= MOST_EVENTS) return
        jobs.set(id, { ...job, events: [...job.events, event] })
      }
      tell(get(id), event)
    },
    async trim() {
      const ended = ordered().filter(isFinal)
      for (const job of ended.slice(0, Math.max(0, ended.length - limits.keptJobs))) await discard(job)
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
      for await (const _ of records.watch(id, Number.POSITIVE_INFINITY, signal)) {
        // The state alone is of interest.
      }
      signal.throwIfAborted()
      return get(id)
    },
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    refuse() {
      isRefusing = true
    },
    endStreams() {
      for (const all of streams.values()) for (const stream of all) stream.end()
    },
  }
  return records
}

/** @throws ServeError `job-state` for a job that has ended */
export function assertUnended(job: Job): void {
  if (isFinal(job)) throw new ServeError("job-state", `the job has ended: it is ${job.state}.`)
}

/** The time in ISO 8601. */
export function now(): string {
  return new Date().toISOString()
}
