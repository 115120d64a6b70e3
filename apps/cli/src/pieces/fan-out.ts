import { resolve } from "node:path"
import type { PieceEnd, PieceOrder, Pieces, RedisPlace, StorePlace } from "@lllite/serve"
import { withPackage } from "../command/optional-package.ts"
import { UsageError } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"
import { plural } from "../terminal/text.ts"
import { readVersion } from "../version.ts"
import { PASSWORD_VARIABLE, type RedisFiles, redisPlace } from "../worker/redis-options.ts"

/** Options that let workers do the work of a command. */
export interface FanOutSettings extends RedisFiles {
  readonly redis?: string | undefined
  readonly store?: string | undefined
  readonly s3Endpoint?: string | undefined
}

/** Where workers get the pieces of a work. */
export interface FanOut {
  readonly redis: RedisPlace
  readonly store: StorePlace
}

/**
 * Where the workers are. Null: this process does the work.
 *
 * @throws UsageError for options that do not go together; InputError for a file that cannot be read
 */
export async function fanOutOf(settings: FanOutSettings): Promise<FanOut | null> {
  const { redis, store, s3Endpoint, redisPasswordFile, redisCaFile } = settings
  if (redis === undefined) {
    const without = {
      store,
      s3_endpoint: s3Endpoint,
      redis_password_file: redisPasswordFile,
      redis_ca_file: redisCaFile,
    }
    const [name] = Object.entries(without).flatMap(([name, value]) => (value === undefined ? [] : [name]))
    if (name === undefined) return null
    throw new UsageError("options", `--${name} has no effect without --redis.`)
  }
  if (store === undefined) {
    throw new UsageError(
      "options",
      "--redis needs a store for what workers read and make. Give --store: a folder that all machines see, or s3://bucket/prefix.",
    )
  }
  return { redis: await redisPlace(redis, settings), store: { place: store, endpoint: s3Endpoint ?? null } }
}

/** What a command gets so that workers share its work. */
export interface FanOutArguments {
  readonly flags: readonly string[]
  /** Variables of its environment. Other users of the machine can read command lines, but not these. */
  readonly environment: Readonly<Record<string, string>>
}

/** What a worker gives commands that it starts, so that other workers share their work. Null: it has no store. */
export function fanOutArguments(
  settings: FanOutSettings,
  { url, password = null }: RedisPlace,
): FanOutArguments | null {
  const { store, s3Endpoint, redisCaFile } = settings
  if (store === undefined) return null
  const address = new URL(url)
  const secret = address.password === "" ? password : decodeURIComponent(address.password)
  address.password = ""
  return {
    flags: [
      `--redis=${address}`,
      // Commands run in the data folder.
      `--store=${/^s3:/i.test(store) ? store : resolve(store)}`,
      ...(s3Endpoint === undefined ? [] : [`--s3_endpoint=${s3Endpoint}`]),
      ...(redisCaFile === undefined ? [] : [`--redis_ca_file=${resolve(redisCaFile)}`]),
    ],
    environment: secret === null ? {} : { [PASSWORD_VARIABLE]: secret },
  }
}

/** A piece that is made, with its files. */
export interface ReadyPiece {
  readonly index: number
  readonly files: readonly Uint8Array[]
  readonly facts: unknown
}

/** A piece that failed. */
export interface FailedPiece {
  readonly key: string
  readonly index: number
  readonly message: string
}

/** @throws UsageError when the package is missing; ServeError `store` */
export async function openFanOut({ redis, store }: FanOut): Promise<Pieces> {
  const { openPieces } = await withPackage("@lllite/serve", "workers", () => import("@lllite/serve"))
  return openPieces({ redis, store, version: readVersion() })
}

/** How often a piece is ordered whose files are lost after it was made. */
const MOST_LOSSES = 3

/**
 * Lets workers make pieces, and takes each when it is made.
 *
 * @param orderOf the order of a place; @param take writes what was made
 * @returns the pieces that are parked
 * @throws ServeError `redis`, `store`; the errors of `take`; the signal's reason when aborted
 */
export async function takePieces(
  pieces: Pieces,
  indexes: readonly number[],
  orderOf: (index: number) => Promise<PieceOrder>,
  { take, reporter, signal }: TakingParts,
): Promise<readonly FailedPiece[]> {
  const failed: FailedPiece[] = []
  let open = indexes
  for (let round = 0; open.length > 0; round++) {
    if (round === MOST_LOSSES) {
      throw new UsageError(
        "options",
        `the store ${pieces.store} loses what is written into it: ${plural(open.length, "result")} are not there.`,
      )
    }
    const lost: number[] = []
    const places = open
    const orders = async function* (): AsyncGenerator<PieceOrder> {
      for (const index of places) yield orderOf(index)
    }
    const takeEnd = async ({ index: at, key, result, error }: PieceEnd): Promise<void> => {
      const index = places[at] ?? 0
      if (result === null) {
        const message = error?.message ?? ""
        failed.push({ key, index, message })
        reporter.say("parked", { piece: key, message }, `Parked: ${message}`)
        return
      }
      const files = await pieces.files(result)
      if (files === null) lost.push(index)
      else await take({ index, files, facts: result.facts })
    }
    const ends = pieces.make(orders(), signal, (event) => {
      if (event.kind === "redis") {
        const text = event.isConnected
          ? "Redis is there again."
          : `Redis is lost: ${event.reason ?? "no reason"}. It is tried again.`
        reporter.say("redis", { isConnected: event.isConnected }, text)
        return
      }
      const text = `no worker takes pieces of the store ${pieces.store}. Start one with the same store and the same version: lllite work --redis URL --store PLACE`
      reporter.say("notice", { text }, `Note: ${text}`)
    })
    for await (const end of ends) await takeEnd(end)
    open = lost
  }
  return failed
}

interface TakingParts {
  readonly take: (piece: ReadyPiece) => Promise<void>
  readonly reporter: Reporter
  readonly signal: AbortSignal
}

/** The error for a work some of whose pieces are parked. */
export function parkedPieces(failed: readonly FailedPiece[], complete: string): Error {
  const [first] = failed
  const others = failed.length === 1 ? "" : ` So are ${failed.length - 1} more.`
  return new UsageError(
    "parked",
    `${complete}. One is parked: ${first?.message ?? ""}${others} List them by lllite parked, with the same --redis and --store. The same command tries them again.`,
  )
}
