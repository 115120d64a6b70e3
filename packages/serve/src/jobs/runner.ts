import type { CommandInput, CommandKind, GenerateInput, JobProgress } from "./job.ts"

/** What a running job tells. */
export type JobReport =
  | JobProgress
  | { readonly type: "notice"; readonly text: string }
  /** A PNG of the estimate at a step, for those who watch. */
  | { readonly type: "preview"; readonly png: Uint8Array }

/** A file that a runner has written into the job's folder. */
export interface MadeFile {
  readonly path: string
  readonly recipe?: number
}

/** A job as its runner sees it. */
export interface Task<Input> {
  readonly input: Input
  /** The job's folder, which exists. What it holds after the run and the runner does not name is removed. */
  readonly folder: string
  /** Aborted when the job is cancelled, takes too long, or the server stops. */
  readonly signal: AbortSignal
  readonly report: (report: JobReport) => void
}

/**
 * What does the work of jobs. The server gives recipes with paths of files.
 *
 * A runner whose process ended rejects with ServeError `worker-lost`, and the job is tried again.
 */
export interface Runner {
  /** Checks a command before its job is accepted. @throws an error that says what is wrong */
  checkCommand(kind: CommandKind, input: CommandInput): Promise<void>
  generate(task: Task<GenerateInput>): Promise<readonly MadeFile[]>
  command(kind: CommandKind, task: Task<CommandInput>): Promise<readonly MadeFile[]>
  /** Ends its processes. */
  dispose(): Promise<void>
}
