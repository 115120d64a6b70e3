import { errorText, ServeError } from "../errors.ts"
import { MOST_ATTEMPTS } from "../limits.ts"
import type { Job, ResultFile } from "./job.ts"
import { isFinal } from "./job.ts"
import { interruptedError, isRepeatable, lateError, secondsOf } from "./job-ends.ts"
import type { JobQueue, QueueOptions } from "./job-queue.ts"
import { assertUnended, createJobRecords, now } from "./job-records.ts"
import type { JobReport } from "./runner.ts"

/** Does the work of a job and keeps its files. Reports as a runner does. */
export type Work = (
  job: Job,
  signal: AbortSignal,
  report: (report: JobReport) => void,
) => Promise<readonly ResultFile[]>

export interface LocalQueueOptions extends QueueOptions {
  readonly work: Work
}

/** Why a running job is stopped. */
type StopReason = "cancelled" | "time" | "server"

interface Running {
  readonly controller: AbortController
  readonly done: Promise<void>
  reason: StopReason | null
}

/** Jobs that run here, one after another. Those of earlier runs that had not ended run again. */
export async function openLocalQueue({ work, ...options }: LocalQueueOptions): Promise<JobQueue> {
  const { limits, log, root } = options
  const records = createJobRecords(options)
  const { change, get } = records
  const running = new Map<string, Running>()
  let isStopping = false
  /** Waiting jobs whose cancelling is not on the disk yet. */
  const cancelling = new Set<string>()

  // A job that has begun is on the disk as such a moment later.
  const waiting = (): readonly Job[] => records.inState("queued").filter(({ id }) => !running.has(id))

  const run = async (job: Job, own: { reason: StopReason | null }, controller: AbortController): Promise<void> => {
    const { id, kind } = job
    const stop = (reason: StopReason): void => {
      own.reason ??= reason
      controller.abort(new Error(reason))
    }
    const seconds = secondsOf(kind, limits)
    const timer = seconds === null ? undefined : setTimeout(() => stop("time"), 1000 * seconds)
    try {
      const started = await change(id, "running", { attempts: job.attempts + 1, started: now() })
      controller.signal.throwIfAborted()
      const results = await work(started, controller.signal, (report) => records.report(id, report))
      await change(id, "done", { results, finished: now() }, results)
    } catch (error) {
      await settle(get(id), error, own.reason)
    } finally {
      clearTimeout(timer)
      records.rest(id)
    }
  }

  const fail = (id: string, error: unknown): Promise<Job> =>
    change(id, "failed", { error: errorText(error, { root }), finished: now() })

  /** What becomes of a job whose work did not end well. */
  const settle = async (job: Job, error: unknown, reason: StopReason | null): Promise<void> => {
    const { id, kind, attempts } = job
    if (reason === "cancelled") await change(id, "cancelled", { finished: now() })
    else if (reason === "server" && isRepeatable(kind)) {
      // A server that stops does not count as a failure of the job.
      await change(id, "queued", { attempts: Math.max(0, attempts - 1), started: null })
    } else if (reason === "server") await fail(id, interruptedError(kind, attempts, "server"))
    else if (error instanceof ServeError && error.code === "worker-lost" && attempts < MOST_ATTEMPTS) {
      log.error({ job: id, attempts, err: error }, "the worker ended, and the job is tried again")
      await change(id, "queued", { started: null })
    } else {
      const cause = reason === "time" ? lateError(limits.jobSeconds) : error
      log.error({ job: id, err: cause }, "the job failed")
      await fail(id, cause)
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
        await records.trim()
        pump()
      })
    running.set(next.id, Object.assign(own, { controller, done }))
  }

  // What ran when the server ended runs again. What ended it may have been the job.
  for (const { id, kind, attempts } of records.inState("running")) {
    if (isRepeatable(kind) && attempts < MOST_ATTEMPTS) await change(id, "queued", { started: null })
    else await fail(id, interruptedError(kind, attempts, "server"))
  }
  pump()

  return {
    get jobs() {
      return records.jobs
    },
    get waiting() {
      return waiting()
    },
    get running() {
      return [...running.keys()].map(get).filter((job) => !isFinal(job))
    },
    get,
    progress: records.progress,
    remove: records.remove,
    watch: records.watch,
    ended: records.ended,
    listen: records.listen,
    runPlace: async () => ({ kind: "here" }),
    async submit(request) {
      const job = await records.accept(request, waiting().length)
      pump()
      return job
    },
    async cancel(id) {
      assertUnended(get(id))
      const own = running.get(id)
      if (own === undefined) {
        cancelling.add(id)
        return change(id, "cancelled", { finished: now() }).finally(() => cancelling.delete(id))
      }
      own.reason ??= "cancelled"
      own.controller.abort(new Error("cancelled"))
      return get(id)
    },
    async stop() {
      records.refuse()
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
      records.endStreams()
    },
  }
}

/** Jobs that run at once. A job uses all of the device. */
const PLACES = 1
