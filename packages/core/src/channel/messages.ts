import type { SentError } from "./sent-error.ts"

/**
 * The messages between a program and its worker. Every task is a generator in the worker, and the program runs it. The
 * program opens the task and requests one value after another. It ends the task early or lets it end. The worker sends
 * only requested values, so a busy program never gets too many. Between two values the worker is free for another task.
 */
export type Request =
  | { readonly id: number; readonly kind: "open"; readonly name: string; readonly argument: unknown }
  | { readonly id: number; readonly kind: "next" }
  /** Ends a task between two values. Its cleanup runs before the answer. */
  | { readonly id: number; readonly kind: "return" }
  /** Stops a task, also inside of a value. */
  | { readonly id: number; readonly kind: "abort" }

/** The answer to a `next` or `return`. */
export type Reply =
  | { readonly id: number; readonly kind: "value"; readonly value: unknown }
  | { readonly id: number; readonly kind: "end"; readonly value: unknown }
  | { readonly id: number; readonly kind: "error"; readonly error: SentError }

/** One end of a channel: a Worker, the worker's own scope, or a MessagePort. */
export interface Port {
  postMessage(message: unknown, transfer?: Transferable[]): void
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void
}

/** A task's argument, what it yields, and what it returns. */
export interface TaskType {
  readonly argument: unknown
  readonly yields: unknown
  readonly returns: unknown
}
