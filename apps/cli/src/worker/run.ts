import { hostname } from "node:os"
import type { Settings } from "@lllite/runtime-node/options"
import type { TaskQueue, WorkerEvent } from "@lllite/serve"
import { startWorker } from "@lllite/serve"
import { runtimeChoice } from "../model/runtime-options.ts"
import { createLibrary } from "../serve/library.ts"
import { PROGRAMS } from "../serve/programs.ts"
import { createRunner } from "../serve/runner.ts"
import { UsageError } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"
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
  const library = await createLibrary({ modelsDirs: modelsDir, extraPaths: extraModelPathsConfig })
  const choice = runtimeChoice(settings)
  const worker = await startWorker({
    redis: await redisPlace(settings.redis, settings.redisPasswordFile),
    ...{ library, takes, places: concurrency, mostBytes: maxFileMb * 2 ** 20 },
    name: settings.name ?? `${hostname()}/${process.pid}`,
    createRunner: () => createRunner(PROGRAMS, choice, { dataFolder: dataDir, library }),
    onEvent: (event) => tell(reporter, event),
  })
  const what = takes.length === 2 ? "pictures and commands" : takes.join("")
  reporter.say(
    "working",
    { redis: worker.redis, takes, concurrency },
    `Waiting for jobs of ${worker.redis}: ${what}. To stop, press Ctrl-C.`,
  )
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))
  await worker.close()
}

/** The jobs to take. @throws UsageError when they need a folder that is not given */
function takenQueues({ jobs, dataDir }: WorkSettings): readonly TaskQueue[] {
  if (jobs === "commands" && dataDir === undefined) {
    throw new UsageError("options", "--jobs commands needs the server's data folder. Give it by --data_dir.")
  }
  if (jobs !== "all") return [jobs]
  return dataDir === undefined ? ["pictures"] : ["pictures", "commands"]
}

function tell(reporter: Reporter, event: WorkerEvent): void {
  if (event.kind === "fault") {
    const { job, error } = event
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
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

/** A job is begun three times at most. */
function ordinal(attempt: number): string {
  return attempt === 2 ? "second" : "third"
}
