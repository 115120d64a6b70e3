import type { ErrorText } from "../errors.ts"
import type { NamedModel, Places } from "../files/locate.ts"
import { nameByHash, namedModels, pictureHashes } from "../files/locate.ts"
import type { CommandInput, GenerateInput, Job, JobKind, JobProgress, ResultFile } from "../jobs/job.ts"
import { JOB_KINDS } from "../jobs/job.ts"
import type { TaskQueue } from "./keys.ts"

/* What servers and workers say through Redis. Others may write there, too, so everything is checked when it is read. */

/** The form of these messages. A worker takes no others. */
export const TASK_VERSION = 1

/** A job, as a worker gets it. */
export interface Task {
  readonly version: typeof TASK_VERSION
  /** The server that waits for the result. */
  readonly server: string
  readonly kind: JobKind
  /** Pictures are named by their hash, and models by their names on the server. */
  readonly input: GenerateInput | CommandInput
  readonly models: readonly NamedModel[]
  /** Seconds that it may run. Null: there is no limit. */
  readonly seconds: number | null
  /** How often a worker that stopped gave it back, which does not count as an attempt. */
  readonly givenBack: number
}

/** What a running job last reported. Each report has all notices, so that none is lost with an older one. */
export interface TaskReport {
  readonly progress: JobProgress | null
  readonly notices: readonly string[]
}

/** How a job ended well. The files are in Redis. */
export interface TaskResult {
  readonly results: readonly ResultFile[]
  readonly notices: readonly string[]
}

/** Codes of ends that are not errors of {@link ErrorText}. */
export const CANCELLED = "cancelled"

/** The queue of a kind of jobs. */
export function queueOf(kind: JobKind): TaskQueue {
  return kind === "generate" ? "pictures" : "commands"
}

/** A job for workers. */
export async function taskOf(
  { kind, input }: Pick<Job, "kind" | "input">,
  { library, inputs }: Places,
  { server, seconds }: Pick<Task, "server" | "seconds">,
): Promise<Task> {
  const shared = { version: TASK_VERSION, server, kind, seconds, givenBack: 0 } as const
  if (kind !== "generate") return { ...shared, input, models: [] }
  const { recipes, ...rest } = input as GenerateInput
  return {
    ...shared,
    input: { ...rest, recipes: nameByHash(recipes, inputs) },
    models: await namedModels(recipes, library),
  }
}

/** The pictures that a job reads, by their hashes. */
export function picturesOf({ kind, input }: Pick<Job, "kind" | "input">, inputs: Places["inputs"]): readonly string[] {
  return kind === "generate" ? pictureHashes((input as GenerateInput).recipes, inputs) : []
}

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {}
}

function isText(value: unknown): value is string {
  return typeof value === "string"
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0
}

function listOf<T>(value: unknown, read: (each: unknown) => T | null): readonly T[] | null {
  if (!Array.isArray(value)) return null
  const all = value.map(read)
  return all.every((each) => each !== null) ? (all as readonly T[]) : null
}

/** A task out of Redis. Null: it has another form, such as that of another version. Recipes are checked where they are read. */
export function readTask(value: unknown): Task | null {
  const { version, server, kind, input, models, seconds, givenBack } = fieldsOf(value)
  const named = listOf(models, readModel)
  const isKind = JOB_KINDS.some((each) => each === kind)
  const isInput =
    kind === "generate"
      ? Array.isArray(fieldsOf(input).recipes)
      : typeof fieldsOf(input).options === "object" && fieldsOf(input).options !== null
  if (version !== TASK_VERSION || !isText(server) || !/^[0-9a-f]{12}$/.test(server) || !isKind || !isInput) return null
  if (named === null || (seconds !== null && !isCount(seconds)) || !isCount(givenBack)) return null
  return {
    ...{ version, server, models: named, seconds, givenBack },
    ...{ kind: kind as JobKind, input: input as GenerateInput | CommandInput },
  }
}

function readModel(value: unknown): NamedModel | null {
  const { kind, name, size } = fieldsOf(value)
  return isText(kind) && isText(name) && isCount(size) ? { kind: kind as NamedModel["kind"], name, size } : null
}

/** A report out of Redis. Null: there is none yet. */
export function readReport(value: unknown): TaskReport | null {
  const { progress, notices } = fieldsOf(value)
  const texts = listOf(notices, (each) => (isText(each) ? each : null))
  if (texts === null) return null
  return { progress: readProgress(progress), notices: texts }
}

function readProgress(value: unknown): JobProgress | null {
  const { phase, done, count, step, steps, figures } = fieldsOf(value)
  if (!isText(phase) || !isCount(done) || !isCount(count)) return null
  const numbers = Object.entries(fieldsOf(figures)).filter((entry): entry is [string, number] => isNumber(entry[1]))
  return {
    ...{ type: "progress", phase, done, count },
    ...(isCount(step) ? { step } : {}),
    ...(isCount(steps) ? { steps } : {}),
    ...(figures === undefined ? {} : { figures: Object.fromEntries(numbers) }),
  }
}

function isNumber(value: unknown): boolean {
  return typeof value === "number"
}

/** A result out of Redis. Null: it has another form. */
export function readResult(value: unknown): TaskResult | null {
  const { results, notices } = fieldsOf(value)
  const files = listOf(results, readFileEntry)
  const texts = listOf(notices, (each) => (isText(each) ? each : null))
  return files === null || texts === null ? null : { results: files, notices: texts }
}

function readFileEntry(value: unknown): ResultFile | null {
  const { name, sha256, size, type, recipe } = fieldsOf(value)
  if (!isText(name) || /[\\/\0]/.test(name) || !isText(sha256) || !/^[0-9a-f]{64}$/.test(sha256)) return null
  if (!isCount(size) || !isText(type) || (recipe !== undefined && !isCount(recipe))) return null
  return { name, sha256, size, type, ...(recipe === undefined ? {} : { recipe }) }
}

/** An error as text for Redis, and back. Null: it is not a text of ours, such as BullMQ's own. */
export function writeFailure(error: ErrorText): string {
  return JSON.stringify(error)
}

export function readFailure(text: unknown): ErrorText | null {
  if (!isText(text) || !text.startsWith("{")) return null
  try {
    const { code, message } = fieldsOf(JSON.parse(text))
    return isText(code) && isText(message) ? { code, message } : null
  } catch {
    return null
  }
}
