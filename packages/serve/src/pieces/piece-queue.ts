import type { Queue } from "bullmq"
import type { NamedStore } from "./store/open-store.ts"

/* The jobs of BullMQ that pieces become. */

/** What a queue of pieces is named by: workers with another store, or another version, take none of its jobs. */
export interface QueueParts {
  readonly store: Pick<NamedStore, "id">
  /** The version of LLLite. Another one may make other bytes. */
  readonly version: string
}

/** The queue of the pieces of a store. */
export function pieceQueue({ store, version }: QueueParts): string {
  return `pieces-${store.id}-${version.replaceAll(/[^A-Za-z0-9.-]/g, "-")}`
}

/** The name of the job that waits for all pieces of a flow. All others are pieces. */
export const FLOW = "flow"

/** A queue of pieces, whose jobs have data that is checked when it is read. */
export type PieceQueue = Queue<unknown, unknown, string>

/** How often a piece is begun at most, if workers end or its process does. */
export const MOST_BEGINNINGS = 5

/** Seconds that a piece stays parked. */
export const PARKED_SECONDS = 30 * 86_400

/** The failure that BullMQ itself writes for a job whose workers were killed too often. */
export function isStalled(reason: unknown): boolean {
  return typeof reason === "string" && /stalled more than/.test(reason)
}
