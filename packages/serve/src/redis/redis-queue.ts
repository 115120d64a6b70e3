import { createReadStream } from "node:fs"
import { isDeepStrictEqual } from "node:util"
import type { ErrorText } from "../errors.ts"
import { errorText, ServeError } from "../errors.ts"
import type { Contents } from "../files/contents.ts"
import type { Places } from "../files/locate.ts"
import type { Job } from "../jobs/job.ts"
import { isFinal } from "../jobs/job.ts"
import { interruptedError, secondsOf } from "../jobs/job-ends.ts"
import type { JobQueue, QueueOptions } from "../jobs/job-queue.ts"
import { assertUnended, createJobRecords, now } from "../jobs/job-records.ts"
import { MOST_ATTEMPTS } from "../limits.ts"
import { connectRedis } from "./connection.ts"
import { MissingFileError, putFile, readFile } from "./files.ts"
import { cancelKey, inputKey, KEPT_SECONDS, previewChannel, resultKey, taskId } from "./keys.ts"
import { oneAtATime } from "./one-at-a-time.ts"
import type { RedisPlace } from "./place.ts"
import { subscribePreviews } from "./previews.ts"
import { serverId } from "./server-id.ts"
import type { TaskReport } from "./task.ts"
import { CANCELLED, picturesOf, queueOf, readFailure, readReport, readResult, taskOf } from "./task.ts"
import type { SeenTask, TaskPlace } from "./task-queues.ts"
import { openTaskQueues } from "./task-queues.ts"

export interface RedisQueueOptions extends QueueOptions {
  readonly redis: RedisPlace
  readonly places: Places & { readonly contents: Contents }
}

/** Milliseconds between two comparisons of all jobs with Redis, which find what an event did not tell. */
const COMPARE_EVERY = 5000

/** Milliseconds that Redis has to answer a question that can be left without an answer. */
const ANSWER_TIME = 1000

/**
 * Jobs that workers take from Redis. The disk of this server is what counts: an accepted job is on it, and Redis has it
 * for workers alone. Whatever happens to a job is found by comparing the two. So a lost connection, a Redis without its
 * memory and a server that starts again are all the same case.
 *
 * @throws ServeError `redis`
 */
export async function openRedisQueue({ redis, places, ...options }: RedisQueueOptions): Promise<JobQueue> {
  const { limits, log, root } = options
  const { contents, inputs } = places
  const records = createJobRecords(options)
  const { change, get, find } = records
  const server = await serverId(root)
  let isStopping = false
  /** Running jobs that are to be cancelled, and ended jobs that Redis still has. */
  const [cancelling, leaving] = [new Set<string>(), new Map<string, Job>()]

  /** How often the files of a job were not in Redis. */
  const lost = new Map<string, number>()

  const connection = await connectRedis(redis, (isConnected, reason) => {
    if (isConnected) log.info({ redis: connection.shown }, "Redis is there again")
    else log.error({ redis: connection.shown, reason }, "the connection to Redis is lost, and is tried again")
    if (isConnected) void compare()
  })
  const { client } = connection
  const failed = (error: unknown, job?: string): void => {
    // A lost connection is reported once, by the connection.
    if (isStopping || !connection.isConnected) return
    log.error(
      { err: error, ...(job === undefined ? {} : { job }) },
      "a job could not be compared with Redis, and is compared again",
    )
  }
  const tasks = openTaskQueues(connection, server, {
    changed: (id) => meet(id),
    reported: (id, report) => take(id, readReport(report)),
    failed,
  })
  const previews = subscribePreviews(client, previewChannel(server), (id, png) => {
    const job = find(id)
    if (job !== null && !isFinal(job)) records.report(id, { type: "preview", png })
  })

  /** Jobs are added one by one, so that they are taken in their order. */
  let adding = Promise.resolve()
  const add = (job: Job): Promise<void> => {
    adding = adding
      .catch(() => {})
      .then(async () => {
        if (find(job.id)?.state !== "queued") return
        const task = await taskOf(job, places, { server, seconds: secondsOf(job.kind, limits) })
        for (const sha256 of picturesOf(job, inputs)) {
          const [key, path] = [inputKey(server, sha256), await contents.find(sha256)]
          if (path !== null && (await client.exists(key)) === 0) await putFile(client, key, createReadStream(path))
          else await client.expire(key, KEPT_SECONDS)
        }
        await tasks.add(queueOf(job.kind), job.id, task, job.sequence < 0)
      })
    return adding
  }

  /** What a worker reports. A notice that came before an interruption is not repeated. */
  const take = (id: string, report: TaskReport | null): void => {
    const job = find(id)
    if (report === null || job?.state !== "running") return
    const known = new Set(job.events.flatMap((event) => (event.type === "notice" ? [event.text] : [])))
    for (const text of report.notices) if (!known.has(text)) records.report(id, { type: "notice", text })
    const { id: _, ...newest } = records.progress(id) ?? { id: 0 }
    // The same report may come as an event, and with the task.
    if (report.progress !== null && !isDeepStrictEqual(newest, report.progress)) records.report(id, report.progress)
  }

  /** Removes what Redis has of an ended job. */
  const clear = async (job: Job): Promise<void> => {
    const queue = queueOf(job.kind)
    if ((await tasks.find(queue, job.id)) !== null && !(await tasks.remove(queue, job.id))) {
      // A worker has it. When it ends, its end is of no interest.
      await client.set(cancelKey(taskId(server, job.id)), "1", "EX", KEPT_SECONDS)
      return
    }
    leaving.delete(job.id)
    await client.del(cancelKey(taskId(server, job.id)))
    const used = new Set(records.jobs.filter((each) => !isFinal(each)).flatMap((each) => picturesOf(each, inputs)))
    for (const sha256 of picturesOf(job, inputs)) if (!used.has(sha256)) await client.del(inputKey(server, sha256))
  }

  const end = async (id: string, state: "failed" | "cancelled", error?: ErrorText): Promise<void> => {
    const job = await change(id, state, { finished: now(), ...(error === undefined ? {} : { error }) })
    await leave(job)
  }
  const leave = async (job: Job): Promise<void> => {
    cancelling.delete(job.id)
    lost.delete(job.id)
    records.rest(job.id)
    leaving.set(job.id, job)
    await clear(job)
    await records.trim()
  }

  /** Takes the files of a job that has ended well. */
  const collect = async (job: Job, { returnvalue }: SeenTask): Promise<void> => {
    const result = readResult(returnvalue)
    const task = taskId(server, job.id)
    if (result === null) return end(job.id, "failed", unexpected(job, "the worker's answer has another form"))
    take(job.id, { progress: null, notices: result.notices })
    try {
      for (const { sha256 } of result.results) {
        if ((await contents.find(sha256)) === null) {
          await contents.add(readFile(client, resultKey(task, sha256), sha256))
        }
      }
    } catch (error) {
      const losses = (lost.get(job.id) ?? 0) + 1
      if (error instanceof MissingFileError && losses < MOST_ATTEMPTS) {
        // The same job makes the same files. Redis counts its attempts anew.
        lost.set(job.id, losses)
        log.error({ job: job.id, err: error }, "the files of the job are lost, and it is tried again")
        await tasks.remove(queueOf(job.kind), job.id)
        await add(await change(job.id, "queued", { started: null }))
        return
      }
      if (!(error instanceof ServeError) && !(error instanceof MissingFileError)) throw error
      const cause = error instanceof MissingFileError ? new ServeError("worker-lost", FILES_LOST) : error
      return end(job.id, "failed", errorText(cause, { root }))
    }
    const { results } = result
    await leave(await change(job.id, "done", { results, finished: now() }, results))
    for (const { sha256 } of results) await client.del(resultKey(task, sha256))
  }

  const unexpected = (job: Job, reason: unknown): ErrorText => {
    log.error({ job: job.id, reason }, "the job failed")
    return errorText(new Error(String(reason)))
  }

  /** Takes the error of a job that has not ended well. */
  const park = async (job: Job, { failedReason }: SeenTask): Promise<void> => {
    const error = readFailure(failedReason)
    if (error?.code === CANCELLED) return end(job.id, "cancelled")
    // BullMQ's own end of a job whose workers were killed.
    const isLost = error === null && /stalled/.test(failedReason)
    const cause = isLost ? errorText(interruptedError(job.kind, job.attempts, "worker")) : error
    if (cause !== null) log.error({ job: job.id, error: cause }, "the job failed")
    await end(job.id, "failed", cause ?? unexpected(job, failedReason))
  }

  /** Brings a job to where its task stands. */
  const compareOne = async (id: string): Promise<void> => {
    const ended = leaving.get(id)
    if (ended !== undefined) return clear(ended)
    const job = find(id)
    if (job === null || isFinal(job)) return
    const found = await tasks.find(queueOf(job.kind), id)
    if (found === null || found.place === "missing") {
      if (cancelling.has(id)) return end(id, "cancelled")
      return add(job.state === "running" ? await change(id, "queued", { started: null }) : job)
    }
    const { place, task } = found
    if (cancelling.has(id) && place === "waiting") return end(id, "cancelled")
    if (place === "waiting") {
      if (job.state === "running") await change(id, "queued", { started: null })
      return
    }
    const attempts = attemptsOf(task)
    const hasBegun = attempts > 0 && (job.state === "queued" || attempts !== job.attempts)
    const started = new Date(task.processedOn ?? Date.now()).toISOString()
    const running = hasBegun ? await change(id, "running", { attempts, started }) : job
    take(id, readReport(task.progress))
    if (place === "active") {
      if (cancelling.has(id)) await client.set(cancelKey(taskId(server, id)), "1", "EX", KEPT_SECONDS)
    } else if (place === "completed") await collect(running, task)
    else await park(running, task)
  }
  const meet = oneAtATime(compareOne, failed)

  /** Compares all jobs that have not ended with Redis. */
  const compare = async (): Promise<void> => {
    if (isStopping || !connection.isConnected) return
    try {
      const found = await tasks.places()
      for (const job of records.jobs) {
        if (!isFinal(job) && expected(job.state) !== (found.get(job.id) ?? "missing")) meet(job.id)
        else if (cancelling.has(job.id)) meet(job.id)
      }
      for (const id of leaving.keys()) meet(id)
      // What an earlier run of the server had ended, and could not remove.
      for (const id of found.keys()) {
        const job = find(id)
        if (job !== null && isFinal(job) && !leaving.has(id)) leaving.set(id, job)
      }
    } catch (error) {
      failed(error)
    }
  }

  const waiting = (): readonly Job[] => records.inState("queued")
  // Order counts: these are added before any other.
  for (const job of waiting()) meet(job.id)
  await compare()
  const timer = setInterval(() => void compare(), COMPARE_EVERY)
  timer.unref()

  return {
    get jobs() {
      return records.jobs
    },
    get waiting() {
      return waiting()
    },
    get running() {
      return records.inState("running")
    },
    get,
    progress: records.progress,
    remove: records.remove,
    watch: records.watch,
    ended: records.ended,
    listen: records.listen,
    async runPlace() {
      const { isConnected } = connection
      // A connection that was lost this moment keeps the question until it is there again.
      const workers = isConnected ? await within(ANSWER_TIME, tasks.workers()) : null
      return { kind: "redis", isConnected, workers }
    },
    async submit(request) {
      const job = await records.accept(request, waiting().length)
      add(job).catch((error: unknown) => failed(error, job.id))
      return job
    },
    async cancel(id) {
      const job = get(id)
      assertUnended(job)
      if (job.state === "running") {
        cancelling.add(id)
        meet(id)
        return job
      }
      const cancelled = await change(id, "cancelled", { finished: now() })
      leaving.set(id, cancelled)
      meet(id)
      return cancelled
    },
    async stop() {
      records.refuse()
      isStopping = true
      clearInterval(timer)
      previews.close()
      connection.close()
      // Without Redis, some of it would wait for the connection.
      await within(ANSWER_TIME, tasks.close())
      records.endStreams()
    },
  }
}

const FILES_LOST = "the files of the job were not in Redis when it had ended, three times. Look at the memory of Redis."

/** The result of work, or null if it fails or takes longer. */
function within<T>(milliseconds: number, work: Promise<T>): Promise<T | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), milliseconds)
    work.then(resolve, () => resolve(null)).finally(() => clearTimeout(timer))
  })
}

function expected(state: Job["state"]): TaskPlace {
  return state === "running" ? "active" : "waiting"
}

/** How often workers have begun a task, without those that gave it back. */
function attemptsOf({ attemptsStarted, data }: SeenTask): number {
  const givenBack = typeof data === "object" && data !== null && "givenBack" in data ? Number(data.givenBack) : 0
  // BullMQ begins a task once more to give it up.
  return Math.min(MOST_ATTEMPTS, Math.max(0, attemptsStarted - (Number.isFinite(givenBack) ? givenBack : 0)))
}
