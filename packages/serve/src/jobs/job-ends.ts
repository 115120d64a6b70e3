import { ServeError } from "../errors.ts"
import type { Limits } from "../limits.ts"
import type { JobKind } from "./job.ts"

/* How jobs end that did not end by themselves. It is the same wherever they run. */

/** Kinds whose work is as long as their data set is large. */
const UNLIMITED: readonly JobKind[] = ["train", "dataset make", "dataset cache"]

/** Seconds that a job of a kind may run. Null: there is no limit. */
export function secondsOf(kind: JobKind, limits: Limits): number | null {
  return UNLIMITED.includes(kind) ? null : limits.jobSeconds
}

/** The error of a job that took too long. */
export function lateError(seconds: number): ServeError {
  return new ServeError(
    "job-time",
    `the job took longer than ${seconds} seconds. Ask for less, or raise --max_job_seconds.`,
  )
}

/** Whether a job of a kind may be begun again, after what ran it has ended. A training would write over its files. */
export function isRepeatable(kind: JobKind): boolean {
  return kind !== "train"
}

/**
 * The error of a job that is not begun again after what ran it ended.
 *
 * @param who what ended: the server, or the worker
 */
export function interruptedError(kind: JobKind, attempts: number, who: "server" | "worker"): ServeError {
  return new ServeError(
    "interrupted",
    isRepeatable(kind)
      ? `the ${who} ended while the job ran, ${attempts} times. Send it again if the job is not the cause.`
      : `the ${who} ended while the training ran. Start it again.`,
  )
}
