import { randomUUID } from "node:crypto"
import { FlowProducer, Queue, QueueEvents } from "bullmq"
import type { ErrorText } from "../errors.ts"
import { connectRedis } from "../redis/connection.ts"
import { PREFIX } from "../redis/keys.ts"
import { oneAtATime } from "../redis/one-at-a-time.ts"
import type { RedisPlace } from "../redis/place.ts"
import { parkedError } from "./parked.ts"
import type { Piece, PieceResult } from "./piece.ts"
import { PIECE_VERSION, pieceKey } from "./piece.ts"
import type { PieceQueue } from "./piece-queue.ts"
import { FLOW, MOST_BEGINNINGS, PARKED_SECONDS, pieceQueue } from "./piece-queue.ts"
import type { NamedStore } from "./store/open-store.ts"
import { findResult, keepContent } from "./stored.ts"

/** A piece to be made, with the files that it reads. */
export interface PieceOrder {
  readonly piece: Piece
  /** The bytes of each of its contents, which are read if the store does not have them. */
  readonly read: (sha256: string) => Promise<Uint8Array>
}

/** How a piece has ended. */
export interface PieceEnd {
  /** The place of its order. */
  readonly index: number
  readonly key: string
  /** Null: it is parked with its error. */
  readonly result: PieceResult | null
  readonly error: ErrorText | null
  /** The store had the result before. */
  readonly wasThere: boolean
}

/** An order whose piece has not ended. */
interface Waiting {
  readonly order: PieceOrder
  readonly indexes: number[]
  /** Its files are in the store, and its piece is in Redis. */
  isAdded: boolean
}

/** What happens while pieces are made. */
export type PiecesEvent =
  | { readonly kind: "redis"; readonly isConnected: boolean; readonly reason: string | null }
  /** Pieces wait, and no worker is connected that takes them. */
  | { readonly kind: "no-worker" }

export interface MakePiecesOptions {
  readonly redis: RedisPlace
  readonly store: NamedStore
  readonly version: string
  readonly signal: AbortSignal
  readonly onEvent?: (event: PiecesEvent) => void
}

/** Pieces of a flow, pieces that workers have in all, and pieces that are looked for in the store at once. */
const [FLOW_SIZE, MOST_WAITING, AT_ONCE] = [100, 1000, 8]

/** Milliseconds between two comparisons of what is waited for with Redis, and until a missing worker is told. */
const [COMPARE_EVERY, WORKER_TIME] = [2000, 5000]

/**
 * Lets workers make pieces, and yields each as soon as it has ended. A piece whose result is in the store is not made
 * again, and one that another program has ordered is waited for. A piece that fails is parked with its error, and the
 * others go on. One that was parked before is tried again.
 *
 * When the signal aborts, or the loop is left, pieces that no worker has begun are taken back.
 *
 * @throws ServeError `redis`, `store`; the signal's reason when aborted; the errors of an order's `read`
 */
export async function* makePieces(
  orders: Iterable<PieceOrder> | AsyncIterable<PieceOrder>,
  { redis, store, version, signal, onEvent = () => {} }: MakePiecesOptions,
): AsyncGenerator<PieceEnd, void, void> {
  const connection = await connectRedis(redis, (isConnected, reason) => {
    onEvent({ kind: "redis", isConnected, reason })
    if (isConnected) compareAll()
  })
  const { client } = connection
  const name = pieceQueue({ store, version })
  const queue: PieceQueue = new Queue(name, { connection: client, prefix: PREFIX })
  const producer = new FlowProducer({ connection: client, prefix: PREFIX })
  // It waits for its events on a connection of its own.
  const blocked = client.duplicate()
  const events = new QueueEvents(name, { connection: blocked, prefix: PREFIX })
  // A lost connection is reported once, by the connection.
  const ignore = (): void => {}
  blocked.on("error", ignore)
  queue.on("error", ignore)
  producer.on("error", ignore)
  events.on("error", ignore)

  /** Orders whose end is waited for. Several orders may be for the same piece. */
  const waiting = new Map<string, Waiting>()
  const ended: PieceEnd[] = []
  let failure: { readonly error: unknown } | null = null
  let isFilled = false
  let wake = (): void => {}
  const news = (): Promise<void> => new Promise((resolve) => (wake = resolve))

  const end = (key: string, result: PieceResult | null, error: ErrorText | null): void => {
    for (const index of waiting.get(key)?.indexes ?? []) ended.push({ index, key, result, error, wasThere: false })
    waiting.delete(key)
    wake()
  }
  const fail = (error: unknown): void => {
    failure ??= { error }
    wake()
  }
  const flows: string[] = []
  const add = async (keys: readonly string[]): Promise<void> => {
    const children = keys.flatMap((key) => {
      const entry = waiting.get(key)
      return entry === undefined ? [] : [childOf(key, entry.order.piece, name)]
    })
    if (children.length === 0) return
    const id = randomUUID()
    flows.push(id)
    const data = { version: PIECE_VERSION, keys: children.map(({ opts }) => opts.jobId) }
    const opts = { jobId: id, removeOnComplete: true, removeOnFail: true, attempts: MOST_BEGINNINGS }
    await producer.add({ name: FLOW, queueName: name, data, opts, children })
    for (const key of keys) begin(key)
  }
  const begin = (key: string): void => {
    const entry = waiting.get(key)
    if (entry !== undefined) entry.isAdded = true
  }
  /** Brings an order to where its piece stands. */
  const compareOne = async (key: string): Promise<void> => {
    if (waiting.get(key)?.isAdded !== true || signal.aborted) return
    const state = await queue.getJobState(key)
    if (state === "failed") {
      const job = await queue.getJob(key)
      if (job !== undefined) end(key, null, parkedError(job.failedReason))
      return
    }
    if (state !== "unknown" && state !== "completed") return
    const result = await findResult(store, key)
    if (result !== null) return end(key, result, null)
    // Redis or the store has lost it.
    if (state === "completed") await queue.remove(key)
    await add([key])
  }
  const compare = oneAtATime(compareOne, (error) => {
    // What a lost connection has interrupted is compared again when it is there.
    if (connection.isConnected) fail(error)
  })
  const compareAll = (): void => {
    for (const key of waiting.keys()) compare(key)
  }
  const ends = ({ jobId }: { readonly jobId: string }): void => {
    if (waiting.has(jobId)) compare(jobId)
  }
  for (const event of ["completed", "failed"] as const) events.on(event, ends)
  const timers = [
    setInterval(() => connection.isConnected && compareAll(), COMPARE_EVERY),
    setTimeout(() => {
      queue.getWorkersCount().then(
        (count) => count === 0 && waiting.size > 0 && onEvent({ kind: "no-worker" }),
        () => {},
      )
    }, WORKER_TIME),
  ]

  /** Looks for a result, and puts the files of a piece that has none into the store. @returns the piece to be added */
  const prepare = async (order: PieceOrder, index: number): Promise<string | null> => {
    const key = pieceKey(order.piece)
    const known = waiting.get(key)
    if (known !== undefined) {
      known.indexes.push(index)
      return null
    }
    const entry: Waiting = { order, indexes: [index], isAdded: false }
    waiting.set(key, entry)
    const result = await findResult(store, key)
    if (result !== null) {
      waiting.delete(key)
      for (const each of entry.indexes) ended.push({ index: each, key, result, error: null, wasThere: true })
      wake()
      return null
    }
    for (const sha256 of order.piece.contents) await keepContent(store, sha256, () => order.read(sha256))
    const state = await queue.getJobState(key)
    if (state === "unknown") return key
    // What was parked, or is done without a result, is tried again. All else is on its way.
    if (state === "failed" || state === "completed") {
      await queue.remove(key)
      return key
    }
    begin(key)
    return null
  }
  const fill = async (): Promise<void> => {
    let [index, group]: [number, Promise<string | null>[]] = [0, []]
    let fresh: string[] = []
    const settle = async (): Promise<void> => {
      for (const key of await Promise.all(group)) if (key !== null) fresh.push(key)
      group = []
    }
    for await (const order of orders) {
      signal.throwIfAborted()
      group.push(prepare(order, index++))
      if (group.length >= AT_ONCE) await settle()
      if (fresh.length < FLOW_SIZE) continue
      await add(fresh)
      fresh = []
      while (waiting.size > MOST_WAITING && failure === null && !signal.aborted) await pause(100)
    }
    await settle()
    await add(fresh)
  }
  const abort = (): void => wake()
  signal.addEventListener("abort", abort)
  try {
    const filled = fill()
      .then(() => {
        isFilled = true
        wake()
      })
      .catch(fail)
    try {
      for (;;) {
        signal.throwIfAborted()
        const next = ended.shift()
        if (next !== undefined) {
          yield next
          continue
        }
        // Without this, a fault of the program would look like work that goes on.
        const found = failure as { readonly error: unknown } | null
        if (found !== null) throw found.error
        if (isFilled && waiting.size === 0) return
        await news()
      }
    } finally {
      failure ??= { error: null }
      await Promise.race([filled, pause(TIDY_TIME)])
      // An end leaves nothing to take back.
      if (waiting.size > 0 && connection.isConnected) await Promise.race([takeBack(queue, flows), pause(TIDY_TIME)])
    }
  } finally {
    signal.removeEventListener("abort", abort)
    for (const timer of timers) clearTimeout(timer)
    blocked.disconnect()
    connection.close()
    await Promise.race([Promise.allSettled([events.close(), queue.close(), producer.close()]), pause(1000)])
  }
}

/** Milliseconds that taking back has when the program stops. */
const TIDY_TIME = 5000

/** Removes the pieces of flows that no worker has begun. Another program that waits for one adds it again. */
async function takeBack(queue: PieceQueue, flows: readonly string[]): Promise<void> {
  for (const id of flows) {
    const flow = await queue.getJob(id)
    await flow?.removeUnprocessedChildren().catch(() => {})
  }
}

function childOf(key: string, piece: Piece, queueName: string) {
  return {
    ...{ name: piece.kind, queueName, data: { version: PIECE_VERSION, ...piece } },
    opts: {
      ...{ jobId: key, attempts: MOST_BEGINNINGS, backoff: { type: "fixed", delay: 500 } },
      // The store has what was made.
      removeOnComplete: true,
      removeOnFail: { age: PARKED_SECONDS },
      // The flow goes on without a piece that is parked.
      ignoreDependencyOnFailure: true,
    },
  } as const
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref())
}
