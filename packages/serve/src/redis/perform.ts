import { createReadStream, createWriteStream } from "node:fs"
import { mkdir, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { RecipeInput } from "@lllite/core/recipe"
import { RECIPE_VERSION, readRecipe } from "@lllite/core/recipe"
import type { Job as BullJob } from "bullmq"
import { UnrecoverableError, WaitingError } from "bullmq"
import type { Redis } from "ioredis"
import { errorText, ServeError } from "../errors.ts"
import { type Content, hashFile } from "../files/contents.ts"
import type { Library } from "../files/library.ts"
import { checkModels } from "../files/locate.ts"
import type { GenerateInput } from "../jobs/job.ts"
import { interruptedError, isRepeatable, lateError } from "../jobs/job-ends.ts"
import { makeFiles } from "../jobs/make-files.ts"
import type { Runner } from "../jobs/runner.ts"
import { MOST_ATTEMPTS } from "../limits.ts"
import { MissingFileError, putFile, readFile } from "./files.ts"
import { cancelKey, inputKey, jobOfTask, resultKey } from "./keys.ts"
import { createReports } from "./reports.ts"
import type { Task, TaskResult } from "./task.ts"
import { CANCELLED, picturesOf, readTask, writeFailure } from "./task.ts"
import type { RunningTask, TaskStop, WorkerEvent } from "./worker-events.ts"

/** What performing gets of its worker. */
export interface PerformParts {
  readonly client: Redis
  readonly library: Library
  readonly name: string
  readonly mostBytes: number
  /** The worker's folder. */
  readonly folder: string
  readonly runner: Runner
  readonly running: Map<string, RunningTask>
  readonly onEvent: (event: WorkerEvent) => void
}

/** Milliseconds between two looks whether a job is cancelled. */
const LOOK_EVERY = 500

type Ended = Extract<WorkerEvent, { readonly kind: "ended" }>["how"]

/**
 * Does a job that was taken. Its files are in Redis when it resolves.
 *
 * @throws UnrecoverableError for a job that ends, with its error as text; WaitingError for one that is given back; Error
 * for one that is to be tried again
 */
export async function performTask(
  bull: BullJob<unknown, unknown>,
  token: string,
  parts: PerformParts,
): Promise<TaskResult> {
  const { client, name, running, onEvent } = parts
  const id = bull.id ?? ""
  const task = readTask(bull.data)
  const job = task === null ? null : jobOfTask(task.server, id)
  if (task === null || job === null || !/^[0-9a-f-]{36}$/.test(job)) {
    const message = `the worker ${name} has another version than the server, or the job has another form than expected. Give both the same version of LLLite.`
    throw parked(new ServeError("refused", message))
  }
  const { kind, seconds } = task
  const attempt = bull.attemptsStarted - task.givenBack
  if (attempt > MOST_ATTEMPTS || (attempt > 1 && !isRepeatable(kind))) {
    throw parked(interruptedError(kind, attempt - 1, "worker"))
  }
  const began = performance.now()
  onEvent({ kind: "taken", job, jobKind: kind, attempt })
  const ended = (how: Ended, message: string | null = null): void =>
    onEvent({ kind: "ended", job, jobKind: kind, how, seconds: (performance.now() - began) / 1000, message })

  const controller = new AbortController()
  let reason: TaskStop | null = null
  const stop = (why: TaskStop): void => {
    reason ??= why
    controller.abort(new Error(why))
  }
  running.set(id, { stop })
  const look = async (): Promise<void> => {
    if ((await client.exists(cancelKey(id))) === 1) stop("cancelled")
  }
  const looking = setInterval(() => void look().catch(() => {}), LOOK_EVERY)
  const late = seconds === null ? undefined : setTimeout(() => stop("time"), 1000 * seconds)
  const reports = createReports(bull, client, { server: task.server, job })
  try {
    await look()
    controller.signal.throwIfAborted()
    const results = await make(id, task, parts, controller.signal, reports.take)
    await reports.end()
    ended("done")
    return { results, notices: reports.notices }
  } catch (error) {
    const why = reason as TaskStop | null
    await reports.end()
    if (why === "cancelled") {
      ended("cancelled")
      throw new UnrecoverableError(writeFailure({ code: CANCELLED, message: "" }))
    }
    if (why === "stop" && isRepeatable(kind)) {
      await bull.updateData({ ...task, givenBack: task.givenBack + 1 })
      await bull.moveToWait(token)
      ended("given-back")
      throw new WaitingError()
    }
    const cause =
      why === "time" && seconds !== null
        ? lateError(seconds)
        : why === "stop"
          ? interruptedError(kind, attempt, "worker")
          : error instanceof MissingFileError
            ? new ServeError("file-unknown", "a picture of the job is not in Redis any more. Send the job again.")
            : error
    const text = errorText(cause, { root: parts.folder, log: `the worker ${name}` })
    if (text.code === "unexpected") onEvent({ kind: "fault", job, error })
    ended("failed", text.message)
    const isAgain = why === "lost" || (text.code === "worker-lost" && attempt < MOST_ATTEMPTS && isRepeatable(kind))
    if (isAgain) throw new Error(writeFailure(text))
    throw new UnrecoverableError(writeFailure(text))
  } finally {
    clearInterval(looking)
    clearTimeout(late)
    running.delete(id)
  }
}

function parked(error: ServeError): UnrecoverableError {
  return new UnrecoverableError(writeFailure(errorText(error)))
}

/** Fetches the pictures of a job, runs it, and puts its files into Redis. */
async function make(
  id: string,
  task: Task,
  { client, library, name, mostBytes, folder, runner }: PerformParts,
  signal: AbortSignal,
  report: Parameters<typeof makeFiles>[3],
): Promise<TaskResult["results"]> {
  await checkModels(task.models, library, `the worker ${name}`)
  const input = checkedInput(task)
  const own = join(folder, id)
  const pictures = join(own, "pictures")
  await mkdir(pictures, { recursive: true })
  try {
    for (const sha256 of new Set(picturesOf(task, NO_NAMES))) {
      const bytes = Readable.from(readFile(client, inputKey(task.server, sha256), sha256))
      await pipeline(bytes, createWriteStream(join(pictures, sha256)), { signal })
    }
    const keep = async (path: string): Promise<Content> => {
      const { size } = await stat(path)
      if (size > mostBytes) {
        const most = Math.floor(mostBytes / 2 ** 20)
        throw new ServeError(
          "storage",
          `a file of the job has ${size} bytes, and the worker ${name} sends ${most} MB at most. Raise its --max_file_mb.`,
        )
      }
      const sha256 = await hashFile(path)
      await putFile(client, resultKey(id, sha256), createReadStream(path))
      return { sha256, size }
    }
    const find = async (sha256: string): Promise<string | null> => {
      const path = join(pictures, sha256)
      const isThere = /^[0-9a-f]{64}$/.test(sha256) && (await stat(path).catch(() => null)) !== null
      return isThere ? path : null
    }
    const places = { library, contents: { find }, inputs: NO_NAMES }
    return await makeFiles(
      { kind: task.kind, input },
      { runner, places, folder: join(own, "made"), keep },
      signal,
      report,
    )
  } finally {
    await rm(own, { recursive: true, force: true })
  }
}

/** Recipes are checked here, too, since others may write to Redis. @throws CoreError */
function checkedInput({ kind, input }: Task): Task["input"] {
  if (kind !== "generate") return input
  const { recipes, previews } = input as GenerateInput
  const checked = recipes.map((recipe) => readRecipe({ version: RECIPE_VERSION, ...recipe }) as RecipeInput)
  return { recipes: checked, ...(previews === true ? { previews } : {}) }
}

/** Names of uploads are known to the server alone. */
const NO_NAMES = { names: new Map<string, string>() } as const
