import { hostname } from "node:os"
import { listText } from "@lllite/core/names"
import { expectFolder } from "@lllite/runtime-node/files"
import type { Settings } from "@lllite/runtime-node/options"
import type { StorePlace, TaskQueue, WorkerEvent } from "@lllite/serve"
import { ServeError, startWorker } from "@lllite/serve"
import { runtimeChoice } from "../model/runtime-options.ts"
import { fanOutArguments } from "../pieces/fan-out.ts"
import { createPieceRunner } from "../pieces/runner.ts"
import { createLibrary } from "../serve/library.ts"
import { PROGRAMS } from "../serve/programs.ts"
import { createRunner } from "../serve/runner.ts"
import { UsageError } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"
import { readVersion } from "../version.ts"
import type { WORK_OPTIONS } from "./options.ts"
import { redisPlace } from "./redis-options.ts"

type WorkSettings = Settings<typeof WORK_OPTIONS>

/**
 * Takes jobs until the signal aborts.
 *
 * @throws UsageError, InputError, ServeError `redis`
 */
export async function runWork(settings: WorkSettings, reporter: Reporter, signal: AbortSignal): Promise<void> {
  const { modelsDir, extraModelPathsConfig, dataDir = null, concurrency, maxFileMb } = settings
  const takes = takenQueues(settings)
  const store = storePlace(settings)
  const redis = await redisPlace(settings.redis, settings)
  const fanOut = store === null ? null : fanOutArguments(settings, redis)
  if (dataDir !== null) await expectFolder(dataDir)
  const library = await createLibrary({ modelsDirs: modelsDir, extraPaths: extraModelPathsConfig })
  const choice = runtimeChoice(settings)
  const worker = await startWorker({
    pieces:
      store === null
        ? null
        : { store, version: readVersion(), createRunner: () => createPieceRunner(PROGRAMS.drawing, choice, library) },
    ...{ redis, library, takes, places: concurrency, mostBytes: maxFileMb * 2 ** 20 },
    name: settings.name ?? `${hostname()}/${process.pid}`,
    createRunner: () => createRunner(PROGRAMS, choice, { dataFolder: dataDir, library, fanOut }),
    onEvent: (event) => tell(reporter, event),
  })
  const all = [...takes, ...(worker.store === null ? [] : ["pieces"])]
  const of = worker.store === null ? "" : ` of the store ${worker.store}`
  reporter.say(
    "working",
    { redis: worker.redis, takes: all, concurrency, store: worker.store },
    `Waiting for jobs of ${worker.redis}: ${listText(all, "and")}${of}. To stop, press Ctrl-C.`,
  )
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))
  await worker.close()
}

/** The jobs to take. @throws UsageError when they need a folder or a store that is not given */
function takenQueues({ jobs, dataDir, store }: WorkSettings): readonly TaskQueue[] {
  if (jobs === "commands" && dataDir === undefined) {
    throw new UsageError("options", "--jobs commands needs the server's data folder. Give it by --data_dir.")
  }
  if (jobs === "pieces") {
    if (store !== undefined) return []
    throw new UsageError("options", "--jobs pieces needs the store of the pieces. Give it by --store.")
  }
  if (jobs !== "all") return [jobs]
  return dataDir === undefined ? ["pictures"] : ["pictures", "commands"]
}

/** The store whose pieces are made. Null: none. @throws UsageError for an address without a store */
function storePlace({ jobs, store, s3Endpoint }: WorkSettings): StorePlace | null {
  if (store === undefined) {
    if (s3Endpoint === undefined) return null
    throw new UsageError("options", "--s3_endpoint has no effect without --store.")
  }
  return jobs === "all" || jobs === "pieces" ? { place: store, endpoint: s3Endpoint ?? null } : null
}

function tell(reporter: Reporter, event: WorkerEvent): void {
  if (event.kind === "fault") {
    const { job, error } = event
    // What a user can correct needs no stack.
    const text = error instanceof ServeError ? error.message : error instanceof Error ? error.stack : String(error)
    process.stderr.write(`lllite: ${job === null ? "" : `job ${job}: `}${text}\n`)
    return
  }
  const { kind, ...fields } = event
  reporter.say(kind, fields, eventText(event))
}

function eventText(event: Exclude<WorkerEvent, { readonly kind: "fault" }>): string {
  if (event.kind === "redis") {
    return event.isConnected
      ? "Redis is there again."
      : `Redis is lost: ${event.reason ?? "no reason"}. It is tried again.`
  }
  const { job, jobKind } = event
  if (event.kind === "taken") {
    return event.attempt === 1 ? `${job}: ${jobKind} …` : `${job}: ${jobKind}, for the ${ordinal(event.attempt)} time …`
  }
  const time = `after ${event.seconds.toFixed(1)} s`
  if (event.how === "failed") return `${job}: failed ${time}. ${event.message ?? ""}`
  return `${job}: ${event.how === "given-back" ? "given back" : event.how} ${time}.`
}

/** A job is begun three times at most, and a piece five times. */
function ordinal(attempt: number): string {
  return ["second", "third", "fourth", "fifth"][attempt - 2] ?? "next"
}
