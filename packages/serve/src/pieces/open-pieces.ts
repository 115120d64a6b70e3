import { checkArgument, checkOptions, type OptionKinds } from "@lllite/core/names"
import type { RedisPlace } from "../redis/place.ts"
import type { PieceEnd, PieceOrder, PiecesEvent } from "./make-pieces.ts"
import type { ParkedPieces } from "./parked.ts"
import type { PieceResult } from "./piece.ts"
import { openStore } from "./store/open-store.ts"
import type { StorePlace } from "./store/store.ts"
import { readContent } from "./stored.ts"

/** Options of {@link openPieces}. */
export interface PiecesOptions {
  readonly redis: RedisPlace
  readonly store: StorePlace
  /** The version of LLLite. Workers of another one take none of the pieces. */
  readonly version: string
}

/** Pieces of larger works, which workers make, and whose results are in a store. */
export interface Pieces {
  /** The store without secrets. */
  readonly store: string
  /**
   * Lets workers make pieces, and yields each as soon as it has ended. A piece whose result is in the store is not made
   * again. One that fails is parked with its error, and the others go on. One that was parked before is tried again.
   *
   * When the signal aborts, or the loop is left, pieces that no worker has begun are taken back.
   *
   * @throws ServeError `redis`, `store`; the signal's reason when aborted; the errors of an order's `read`
   */
  make(
    orders: Iterable<PieceOrder> | AsyncIterable<PieceOrder>,
    signal: AbortSignal,
    onEvent?: (event: PiecesEvent) => void,
  ): AsyncGenerator<PieceEnd, void, void>
  /**
   * The files of a result, in order. Null: one of them is damaged or gone, and the piece has to be made again.
   *
   * @throws ServeError `store`
   */
  files(result: PieceResult): Promise<readonly Uint8Array[] | null>
  /** The pieces that are parked. @throws ServeError `redis` */
  parked(): Promise<ParkedPieces>
}

const KINDS: OptionKinds<PiecesOptions> = { redis: "an object", store: "an object", version: "text" }

/**
 * Opens the store of pieces. BullMQ and ioredis are loaded when they are needed.
 *
 * @throws ServeError `store`
 */
export async function openPieces(options: PiecesOptions): Promise<Pieces> {
  checkOptions("pieces", options, KINDS, ["redis", "store", "version"])
  checkArgument("pieces: the place of the store", options.store.place, "text")
  const { redis, store: place, version } = options
  const store = await openStore(place)
  return {
    store: store.shown,
    async *make(orders, signal, onEvent) {
      const { makePieces } = await import("./make-pieces.ts")
      yield* makePieces(orders, { redis, store, version, signal, ...(onEvent === undefined ? {} : { onEvent }) })
    },
    async files({ files }) {
      const all = await Promise.all(files.map(({ sha256 }) => readContent(store, sha256)))
      return all.every((bytes) => bytes !== null) ? all : null
    },
    async parked() {
      const { openParked } = await import("./parked.ts")
      return openParked(redis, { store, version })
    },
  }
}
