import { resolve } from "node:path"
import type { RecipeInput } from "@lllite/core/recipe"
import { openFolder } from "@lllite/runtime-node/files"
import type { Contents } from "./files/contents.ts"
import { openContents } from "./files/contents.ts"
import type { InputPictures } from "./files/input-pictures.ts"
import { openInputPictures } from "./files/input-pictures.ts"
import type { Library } from "./files/library.ts"
import { locateFiles, pictureHashes } from "./files/locate.ts"
import type { CommandInput, CommandKind, GenerateInput, Job, JobNote } from "./jobs/job.ts"
import type { JobQueue, QueueOptions } from "./jobs/job-queue.ts"
import { openJobStore } from "./jobs/job-store.ts"
import type { Work } from "./jobs/local-queue.ts"
import { openLocalQueue } from "./jobs/local-queue.ts"
import { makeFiles } from "./jobs/make-files.ts"
import type { Runner } from "./jobs/runner.ts"
import type { Limits } from "./limits.ts"
import type { RedisPlace } from "./redis/place.ts"

/** What all APIs share: the queue, and the files of jobs. */
export interface Service {
  readonly queue: JobQueue
  readonly contents: Contents
  readonly inputs: InputPictures
  readonly library: Library
  readonly limits: Limits
  readonly runner: Runner
  /** Folder of the server's files. */
  readonly root: string
  /** Whether previews are decoded for those who watch. */
  readonly previews: boolean
  /** Accepts pictures of checked recipes. @throws ServeError `file-unknown`, and as `JobQueue.submit` */
  generate(input: GenerateInput, note: JobNote, first?: boolean): Promise<Job>
  /** Accepts a command. @throws as `Runner.checkCommand` and `JobQueue.submit` */
  command(kind: CommandKind, input: CommandInput, note: JobNote): Promise<Job>
  /** Ends what it does from time to time. The queue goes on. */
  close(): Promise<void>
}

export interface ServiceOptions extends Pick<Service, "library" | "limits" | "runner" | "previews"> {
  readonly folder: string
  readonly log: QueueOptions["log"]
  /** Where workers take the jobs. Null: they run here */
  readonly redis: RedisPlace | null
}

/**
 * Opens the jobs and files of a folder. Jobs of earlier runs go on.
 *
 * @throws InputError when the folder cannot be used; ServeError `redis`
 */
export async function openService(options: ServiceOptions): Promise<Service> {
  const { library, limits, runner, log, previews, redis } = options
  const root = resolve(options.folder)
  await openFolder(root)
  const contents = await openContents(root, limits.storageBytes)
  const inputs = await openInputPictures(root)
  const store = await openJobStore(root)
  for (const path of store.broken) log.error({ path }, "the file is not a job, and was renamed")
  const places = { library, contents, inputs }

  const work: Work = (job, signal, report) => {
    const folder = store.folderOf(job.id)
    return makeFiles(job, { runner, places, folder, keep: contents.addFile }, signal, report)
  }
  const hashesOf = (job: Job): readonly string[] => [
    ...job.results.map(({ sha256 }) => sha256),
    ...(job.kind === "generate" ? pictureHashes((job.input as GenerateInput).recipes, inputs) : []),
  ]
  const forget = async (job: Job): Promise<void> => {
    const used = new Set([...inputs.names.values(), ...queue.jobs.flatMap(hashesOf)])
    for (const sha256 of hashesOf(job)) if (!used.has(sha256)) await contents.remove(sha256)
  }
  const shared = { store, limits, forget, log, root }
  const queue: JobQueue =
    redis === null
      ? await openLocalQueue({ ...shared, work })
      : await (await import("./redis/redis-queue.ts")).openRedisQueue({ ...shared, places, redis })
  const isUsed = (sha256: string): boolean => queue.jobs.some((job) => hashesOf(job).includes(sha256))
  const sweep = async (): Promise<void> => {
    for await (const sha256 of contents.addedBefore(Date.now() - 1000 * limits.uploadSeconds)) {
      if (!isUsed(sha256)) await contents.remove(sha256)
    }
    for (const [name, sha256] of inputs.names) if ((await contents.find(sha256)) === null) await inputs.forget(name)
  }
  const sweeping = repeated(sweep, Math.min(SWEEP_EVERY, limits.uploadSeconds), (error) =>
    log.error({ err: error }, "old uploads cannot be removed"),
  )
  return {
    close: sweeping.stop,
    ...{ queue, contents, inputs, library, limits, runner, root, previews },
    async generate(input, note, first = false) {
      await locateFiles(input.recipes as readonly RecipeInput[], places)
      return queue.submit({ kind: "generate", input, note, first })
    },
    async command(kind, input, note) {
      await runner.checkCommand(kind, input)
      return queue.submit({ kind, input, note })
    },
  }
}

/** Seconds between two looks for old uploads. */
const SWEEP_EVERY = 3600

/** Does work now and after every so many seconds, one at a time. */
function repeated(
  work: () => Promise<void>,
  seconds: number,
  failed: (error: unknown) => void,
): { stop(): Promise<void> } {
  let running = Promise.resolve()
  const begin = (): void => {
    running = running.then(work).catch(failed)
  }
  const timer = setInterval(begin, 1000 * seconds)
  begin()
  return {
    async stop() {
      clearInterval(timer)
      await running
    },
  }
}
