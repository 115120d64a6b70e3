import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Job as BullJob } from "bullmq"
import { Worker } from "bullmq"
import type { Library } from "../files/library.ts"
import type { Runner } from "../jobs/runner.ts"
import { MOST_ATTEMPTS } from "../limits.ts"
import { performPiece } from "../pieces/perform-piece.ts"
import { MOST_BEGINNINGS, pieceQueue } from "../pieces/piece-queue.ts"
import type { PieceRunner } from "../pieces/piece-runner.ts"
import { openStore } from "../pieces/store/open-store.ts"
import type { StorePlace } from "../pieces/store/store.ts"
import type { RedisConnection } from "./connection.ts"
import { connectRedis } from "./connection.ts"
import type { TaskQueue } from "./keys.ts"
import { PREFIX } from "./keys.ts"
import { performTask } from "./perform.ts"
import type { RedisPlace } from "./place.ts"
import type { RunningTask, WorkerEvent } from "./worker-events.ts"

/** Options of {@link startWorker}. */
export interface WorkerOptions {
  readonly redis: RedisPlace
  /** The models of this machine. They have the names that they have on the server. */
  readonly library: Library
  /** Makes what does the work: one for each job that runs at once. */
  readonly createRunner: () => Runner
  /** Jobs of pictures at once, and pieces at once. A command runs beside them. Default: 1 */
  readonly places?: number
  /** The store whose pieces of larger works it makes, too. Null: none. Default: null */
  readonly pieces?: PieceWork | null
  /** What it takes. Commands need the server's data folder. Default: pictures */
  readonly takes?: readonly TaskQueue[]
  /** Names this worker in errors. */
  readonly name: string
  /** Bytes of a file that a job makes at most: Redis keeps it until the server has it. Default: 512 MiB */
  readonly mostBytes?: number
  /** Seconds that running jobs have to end when the worker stops. Then they are given back. Default: 10 */
  readonly stopSeconds?: number
  /** Seconds after which the job of a worker that was killed is taken by another. Default: 10 */
  readonly lostSeconds?: number
  readonly onEvent?: (event: WorkerEvent) => void
}

/** Pieces that a worker makes. */
export interface PieceWork {
  readonly store: StorePlace
  /** The version of LLLite. Pieces of another one are left to other workers. */
  readonly version: string
  /** Makes what does the work: one for each piece at once. */
  readonly createRunner: () => PieceRunner
}

/** A worker that takes jobs. */
export interface JobWorker {
  /** The address of Redis without user and password. */
  readonly redis: string
  /** The store of pieces without secrets. Null: there is none. */
  readonly store: string | null
  /** Takes no more jobs. Those that run get a moment to end, and are given back then. A second call waits for the first. */
  close(): Promise<void>
}

/** Milliseconds that stopped work has to end, and that Redis has to take what was given back. */
const END_TIME = 5000

/**
 * Starts a worker: it takes jobs of servers until it is closed. If it is killed, another worker takes its jobs.
 *
 * @throws ServeError `redis`, `store`
 */
export async function openWorker(options: WorkerOptions): Promise<JobWorker> {
  const { redis, createRunner, places = 1, takes = ["pictures"], pieces = null, onEvent = () => {} } = options
  const { stopSeconds = 10, lostSeconds = 10, library, name, mostBytes = 512 * 2 ** 20 } = options
  const store = pieces === null ? null : await openStore(pieces.store)
  const connection = await connectRedis(redis, (isConnected, reason) => onEvent({ kind: "redis", isConnected, reason }))
  const folder = await mkdtemp(join(tmpdir(), "lllite-work-"))
  const running = new Map<string, RunningTask>()
  const runners: Disposable[] = []
  const parts = { client: connection.client, library, name, mostBytes, folder, running, onEvent }

  /** Starts taking jobs of a queue. Each queue has its own runners, so that one for pictures keeps its models. */
  const take = <R extends Disposable>(
    queue: string,
    { create, perform, ...settings }: Taking<R>,
  ): Worker<unknown, unknown> => {
    const idle: R[] = []
    const work = async (job: BullJob<unknown, unknown>, token = ""): Promise<unknown> => {
      const runner = idle.pop() ?? create()
      if (!runners.includes(runner)) runners.push(runner)
      try {
        return await perform(job, token, runner)
      } finally {
        idle.push(runner)
      }
    }
    const worker = new Worker<unknown, unknown>(queue, work, {
      ...{ connection: connection.client, prefix: PREFIX, name },
      ...settings,
      lockDuration: 1000 * lostSeconds,
      stalledInterval: 500 * lostSeconds,
      runRetryDelay: 1000,
    })
    worker.on("error", (error) => {
      // A lost connection is reported once, by the connection.
      if (connection.isConnected) onEvent({ kind: "fault", job: null, error })
    })
    // Another worker may have it by now.
    worker.on("lockRenewalFailed", (ids) => {
      for (const id of ids) running.get(id)?.stop("lost")
    })
    return worker
  }
  const workers = takes.map((queue) =>
    take(queue, {
      create: createRunner,
      perform: (job, token, runner) => performTask(job, token, { ...parts, runner }),
      concurrency: queue === "pictures" ? places : 1,
      // It is begun MOST_ATTEMPTS times in all.
      maxStalledCount: MOST_ATTEMPTS - 1,
    }),
  )
  if (pieces !== null && store !== null) {
    const parts = { store, name, folder, running, onEvent }
    const perform = (job: BullJob<unknown, unknown>, token: string, runner: PieceRunner): Promise<null> =>
      performPiece(job, token, { ...parts, runner })
    const { createRunner: create, version } = pieces
    const settings = { concurrency: places, maxStalledCount: MOST_BEGINNINGS - 1 }
    workers.push(take(pieceQueue({ store, version }), { create, perform, ...settings }))
  }

  const stop = async (): Promise<void> => {
    const timers = [
      setTimeout(() => {
        for (const task of running.values()) task.stop("stop")
      }, 1000 * stopSeconds),
      // Work that does not heed its signal is ended with its process.
      setTimeout(() => void disposeAll(runners), 1000 * stopSeconds + END_TIME),
    ]
    const closed = Promise.all(workers.map((worker) => worker.close()))
    await Promise.race([closed, unreachable(connection, 1000 * stopSeconds + 2 * END_TIME)])
    for (const timer of timers) clearTimeout(timer)
    await disposeAll(runners)
    connection.close()
    await rm(folder, { recursive: true, force: true })
  }
  let stopped: Promise<void> | null = null
  return {
    redis: connection.shown,
    store: store?.shown ?? null,
    close: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

interface Disposable {
  dispose(): Promise<void>
}

/** How the jobs of a queue are done. */
interface Taking<R> {
  readonly create: () => R
  readonly perform: (job: BullJob<unknown, unknown>, token: string, runner: R) => Promise<unknown>
  readonly concurrency: number
  readonly maxStalledCount: number
}

async function disposeAll(runners: readonly Disposable[]): Promise<void> {
  await Promise.all(runners.map((runner) => runner.dispose()))
}

/** Resolves after a time if Redis cannot be reached then. What was not given back is taken when its lock has ended. */
function unreachable(connection: RedisConnection, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (connection.isConnected) setTimeout(look, 1000).unref()
      else resolve()
    }
    setTimeout(look, milliseconds).unref()
  })
}
