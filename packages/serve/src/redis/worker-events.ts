/** What happens to a worker. A job is named by its id, or as a piece of a larger work by its key. */
export type WorkerEvent =
  | { readonly kind: "taken"; readonly job: string; readonly jobKind: string; readonly attempt: number }
  | {
      readonly kind: "ended"
      readonly job: string
      readonly jobKind: string
      readonly how: "done" | "failed" | "cancelled" | "given-back"
      readonly seconds: number
      /** Why it failed. */
      readonly message: string | null
    }
  | { readonly kind: "redis"; readonly isConnected: boolean; readonly reason: string | null }
  /** A fault that the client of the job does not get. */
  | { readonly kind: "fault"; readonly job: string | null; readonly error: unknown }

/** Why a task is stopped. */
export type TaskStop = "cancelled" | "time" | "stop" | "lost"

/** A task that runs. */
export interface RunningTask {
  stop(reason: TaskStop): void
}
