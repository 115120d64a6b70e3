import { Queue } from "bullmq"
import type { ErrorText } from "../errors.ts"
import { connectRedis } from "../redis/connection.ts"
import { PREFIX } from "../redis/keys.ts"
import type { RedisPlace } from "../redis/place.ts"
import { readFailure } from "../redis/task.ts"
import type { QueueParts } from "./piece-queue.ts"
import { FLOW, isStalled, MOST_BEGINNINGS, pieceQueue } from "./piece-queue.ts"

/** A piece that has failed, and waits for someone to look at it. */
export interface ParkedPiece {
  readonly key: string
  readonly kind: string
  readonly error: ErrorText
  /** When it was parked, in ISO 8601. */
  readonly parked: string
}

/** The error of a parked piece. */
export function parkedError(reason: unknown): ErrorText {
  const known = readFailure(reason)
  if (known !== null) return known
  if (isStalled(reason)) {
    const message = `its workers were killed ${MOST_BEGINNINGS} times while they made it. It may take more memory than they have.`
    return { code: "worker-lost", message }
  }
  return { code: "unexpected", message: String(reason).slice(0, 500) }
}

/** Pieces that are parked in a store's queue. */
export interface ParkedPieces {
  list(): Promise<readonly ParkedPiece[]>
  /** Lets workers try a piece again. */
  retry(key: string): Promise<void>
  forget(key: string): Promise<void>
  close(): Promise<void>
}

/** @throws ServeError `redis` */
export async function openParked(redis: RedisPlace, parts: QueueParts): Promise<ParkedPieces> {
  const connection = await connectRedis(redis, () => {})
  const queue: Queue<unknown, unknown, string> = new Queue(pieceQueue(parts), {
    ...{ connection: connection.client, prefix: PREFIX },
  })
  queue.on("error", () => {})
  return {
    async list() {
      const jobs = (await queue.getFailed()).filter(({ name }) => name !== FLOW)
      return jobs.map(({ id = "", name, failedReason, finishedOn }) => ({
        ...{ key: id, kind: name, error: parkedError(failedReason) },
        parked: new Date(finishedOn ?? 0).toISOString(),
      }))
    },
    async retry(key) {
      const job = await queue.getJob(key)
      if (job === undefined) return
      // Its flow has ended without it. It is added anew, with all of its attempts.
      const { name, data, opts } = job
      await queue.remove(key)
      const { attempts, backoff, removeOnComplete, removeOnFail } = opts
      await queue.add(name, data, {
        ...{ jobId: key, removeOnComplete: removeOnComplete ?? true },
        ...(attempts === undefined ? {} : { attempts }),
        ...(backoff === undefined ? {} : { backoff }),
        ...(removeOnFail === undefined ? {} : { removeOnFail }),
      })
    },
    async forget(key) {
      await queue.remove(key)
    },
    async close() {
      await queue.close()
      connection.close()
    },
  }
}
