import type { RecipeInput } from "@lllite/core/recipe"
import type { ErrorText } from "../errors.ts"

/** The kinds of jobs. Each but `generate` is the command of that name. */
export const JOB_KINDS = ["generate", "preprocess", "inspect", "train", "dataset make", "dataset cache"] as const
export type JobKind = (typeof JOB_KINDS)[number]
export type CommandKind = Exclude<JobKind, "generate">

/** The states of a job. The last three are final. */
export const JOB_STATES = ["queued", "running", "done", "failed", "cancelled"] as const
export type JobState = (typeof JOB_STATES)[number]

/** Pictures to make. Recipes name files by their names on the server, and pictures by their SHA-256. */
export interface GenerateInput {
  readonly recipes: readonly RecipeInput[]
  /** Whether the estimate of every step is decoded, to be watched. */
  readonly previews?: boolean
}

/** A command with its options by name, and its arguments. */
export interface CommandInput {
  readonly options: Readonly<Record<string, unknown>>
  readonly files?: readonly string[]
}

/** A job to be accepted. */
export type JobRequest = {
  /** What the API that took the job keeps with it, as JSON. */
  readonly note?: JobNote
  /** Whether it runs before all that wait. */
  readonly first?: boolean
} & (
  | { readonly kind: "generate"; readonly input: GenerateInput }
  | { readonly kind: CommandKind; readonly input: CommandInput }
)

/** What an API keeps with its jobs. */
export interface JobNote {
  readonly api: "lllite" | "comfyui" | "a1111"
  readonly [field: string]: unknown
}

/** A file that a job made. */
export interface ResultFile {
  readonly name: string
  readonly sha256: string
  readonly size: number
  readonly type: string
  /** The place of its recipe, for a picture of a recipe. */
  readonly recipe?: number
}

/** An event of a job. Ids increase, also over restarts of the server. */
export type JobEvent = { readonly id: number } & (
  | { readonly type: "state"; readonly state: JobState; readonly error?: ErrorText }
  | { readonly type: "notice"; readonly text: string }
  | { readonly type: "result"; readonly file: ResultFile }
  | JobProgress
)

/** Progress of a job. A newer one replaces an older one that no client has read. */
export interface JobProgress {
  readonly type: "progress"
  readonly phase: string
  readonly done: number
  readonly count: number
  /** The step of the current batch, from 1. */
  readonly step?: number
  readonly steps?: number
  /** Figures of a training, such as the loss. */
  readonly figures?: Readonly<Record<string, number>>
}

/** A job, as it is kept on disk. */
export interface Job {
  readonly id: string
  /** The order of acceptance. A job that runs first has a negative one. */
  readonly sequence: number
  readonly kind: JobKind
  readonly input: GenerateInput | CommandInput
  readonly note: JobNote
  readonly state: JobState
  readonly attempts: number
  /** Times in ISO 8601. */
  readonly created: string
  readonly started: string | null
  readonly finished: string | null
  readonly results: readonly ResultFile[]
  readonly error: ErrorText | null
  /** All events but progress. */
  readonly events: readonly JobEvent[]
}

/** Whether a job has ended. */
export function isFinal({ state }: Pick<Job, "state">): boolean {
  return state === "done" || state === "failed" || state === "cancelled"
}
