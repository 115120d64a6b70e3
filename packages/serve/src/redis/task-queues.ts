import type { Job as BullJob } from "bullmq"
import { Queue, QueueEvents } from "bullmq"
import type { Redis } from "ioredis"
import { MOST_ATTEMPTS } from "../limits.ts"
import type { RedisConnection } from "./connection.ts"
import type { TaskQueue } from "./keys.ts"
import { jobOfTask, KEPT_SECONDS, PREFIX, TASK_QUEUES, taskId } from "./keys.ts"
import type { Task } from "./task.ts"

/** Where a task stands, as a server has to know it. */
export type TaskPlace = "waiting" | "active" | "completed" | "failed" | "missing"

/** The tasks of one server in Redis. Jobs are named by their ids. */
export interface TaskQueues {
  /** Adds a task. One that is there already stays as it is. */
  add(queue: TaskQueue, job: string, task: Task, first: boolean): Promise<void>
  find(queue: TaskQueue, job: string): Promise<{ readonly place: TaskPlace; readonly task: SeenTask } | null>
  /** Removes a task. False: a worker has it. */
  remove(queue: TaskQueue, job: string): Promise<boolean>
  /** All of this server's jobs that Redis has, with their places. */
  places(): Promise<ReadonlyMap<string, TaskPlace>>
  /** Workers that are connected. */
  workers(): Promise<number>
  close(): Promise<void>
}

/** What a server reads of a task. */
export type SeenTask = Pick<
  BullJob<unknown, unknown>,
  "data" | "returnvalue" | "failedReason" | "attemptsStarted" | "processedOn" | "progress"
>

export interface TaskListener {
  /** Something has happened to a job. */
  changed(job: string): void
  reported(job: string, report: unknown): void
  failed(error: Error): void
}

/** Lists of BullMQ and what they mean here. */
const LISTS = [
  ["wait", "waiting"],
  ["delayed", "waiting"],
  ["prioritized", "waiting"],
  ["active", "active"],
  ["completed", "completed"],
  ["failed", "failed"],
] as const

const PLACES: Readonly<Record<string, TaskPlace>> = { ...Object.fromEntries(LISTS), waiting: "waiting" }

/** Events that are kept for a server whose connection is lost. Whatever it misses, it finds by looking at the lists. */
const MOST_EVENTS = 1000

export function openTaskQueues({ client }: RedisConnection, server: string, listener: TaskListener): TaskQueues {
  const connection = client
  const queues = new Map<TaskQueue, Queue<unknown, unknown, string>>()
  const events: QueueEvents[] = []
  // Each waits for its events on a connection of its own.
  const blocked: Redis[] = []
  for (const name of TASK_QUEUES) {
    const queue = new Queue<unknown, unknown, string>(name, {
      ...{ connection, prefix: PREFIX, streams: { events: { maxLen: MOST_EVENTS } } },
    })
    queue.on("error", listener.failed)
    queues.set(name, queue)
    const waiting = client.duplicate()
    waiting.on("error", () => {})
    blocked.push(waiting)
    const own = new QueueEvents(name, { connection: waiting, prefix: PREFIX })
    own.on("error", listener.failed)
    const changed = ({ jobId }: { readonly jobId: string }): void => {
      const job = jobOfTask(server, jobId)
      if (job !== null) listener.changed(job)
    }
    for (const event of ["active", "waiting", "delayed", "stalled", "completed", "failed"] as const) {
      own.on(event, changed)
    }
    own.on("progress", ({ jobId, data }) => {
      const job = jobOfTask(server, jobId)
      if (job !== null) listener.reported(job, data)
    })
    events.push(own)
  }
  const of = (name: TaskQueue): Queue<unknown, unknown, string> => queues.get(name) as Queue<unknown, unknown, string>
  return {
    async add(name, job, task, first) {
      await of(name).add(task.kind, task, {
        ...{ jobId: taskId(server, job), lifo: first, attempts: MOST_ATTEMPTS },
        removeOnComplete: { age: KEPT_SECONDS },
        removeOnFail: { age: KEPT_SECONDS },
      })
    },
    async find(name, job) {
      // The place comes first, so that what is read is at least as new: a completed task has its result.
      const place = PLACES[await of(name).getJobState(taskId(server, job))]
      const task = place === undefined ? undefined : await of(name).getJob(taskId(server, job))
      return place === undefined || task === undefined ? null : { place, task }
    },
    async remove(name, job) {
      return (await of(name).remove(taskId(server, job))) === 1
    },
    async places() {
      const found = new Map<string, TaskPlace>()
      for (const queue of queues.values()) {
        for (const [list, place] of LISTS) {
          for (const task of await queue.getRanges([list], 0, -1)) {
            const job = jobOfTask(server, task)
            if (job !== null) found.set(job, place)
          }
        }
      }
      return found
    },
    async workers() {
      const counts = await Promise.all([...queues.values()].map((queue) => queue.getWorkersCount()))
      return counts.reduce((sum, count) => sum + count, 0)
    },
    async close() {
      for (const each of blocked) each.disconnect()
      for (const each of [...events, ...queues.values()]) await each.close()
    },
  }
}
