import { Redis } from "ioredis"
import { ServeError } from "../errors.ts"
import type { RedisAddress, RedisPlace } from "./place.ts"
import { readRedisPlace } from "./place.ts"

/** A connection that comes back by itself. What is sent while it is lost waits. */
export interface RedisConnection {
  readonly client: Redis
  /** The address without user and password. */
  readonly shown: string
  readonly isConnected: boolean
  /** Ends the connection. What waits is given up. */
  close(): void
}

/** Is called when the connection is lost, and when it is there again. */
export type ConnectionListener = (isConnected: boolean, reason: string | null) => void

/** Milliseconds until Redis has to answer at the start, and between two tries later. */
const [FIRST_ANSWER, LONGEST_PAUSE] = [5000, 2000]

/** The oldest Redis that has all commands that BullMQ uses. */
const OLDEST = [6, 2] as const

/**
 * Connects to Redis, and checks that it can keep jobs.
 *
 * @throws ServeError `redis` when nothing answers, the password is wrong, it is too old, or it may drop keys
 */
export async function connectRedis(place: RedisPlace, listener: ConnectionListener): Promise<RedisConnection> {
  const address = readRedisPlace(place)
  await check(address)
  const client = new Redis({
    ...optionsOf(address),
    // A command waits until the connection is there again.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(LONGEST_PAUSE, 100 * times),
  })
  let [wasConnected, reason]: [boolean, string | null] = [true, null]
  const tell = (isConnected: boolean): void => {
    if (isConnected === wasConnected) return
    wasConnected = isConnected
    listener(isConnected, reason)
  }
  client.on("error", (error: Error) => {
    reason = error.message
  })
  client.on("ready", () => tell(true))
  client.on("close", () => tell(false))
  if (client.status !== "ready") await new Promise((resolve) => client.once("ready", resolve))
  return {
    client,
    shown: address.shown,
    get isConnected() {
      return client.status === "ready"
    },
    close() {
      client.removeAllListeners("close")
      client.disconnect()
    },
  }
}

function optionsOf({ host, port, database, username, password, hasTls }: RedisAddress): object {
  return {
    ...{ host, port, db: database, connectTimeout: FIRST_ANSWER },
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(hasTls ? { tls: { servername: host } } : {}),
  }
}

async function check(address: RedisAddress): Promise<void> {
  const client = new Redis({ ...optionsOf(address), lazyConnect: true, retryStrategy: () => null })
  // Without a listener, the client would print its errors.
  let reason = "it does not answer"
  client.on("error", (error: Error) => {
    reason = error.message
  })
  const late = setTimeout(() => client.disconnect(), FIRST_ANSWER)
  try {
    await client.connect()
    checkInfo(address.shown, await client.info())
  } catch (cause) {
    if (cause instanceof ServeError) throw cause
    const said = cause instanceof Error && !/^Connection is closed/.test(cause.message) ? cause.message : reason
    const isSecret = /NOAUTH|WRONGPASS|AUTH/i.test(said)
    const what = /NOAUTH/.test(said) ? "it asks for a password" : said.replace(/\.$/, "")
    const cure = isSecret
      ? "Give the password by --redis_password_file, or as LLLITE_REDIS_PASSWORD of the environment."
      : "Start it, for example with: redis-server --appendonly yes"
    throw new ServeError("redis", `Redis at ${address.shown} cannot be used: ${what}. ${cure}`, {
      cause,
    })
  } finally {
    clearTimeout(late)
    client.disconnect()
  }
}

/** @throws ServeError `redis` */
function checkInfo(shown: string, info: string): void {
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\r?$`, "m").exec(info)?.[1] ?? ""
  const version = field("redis_version")
  const [major = 0, minor = 0] = version.split(".").map(Number)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new ServeError("redis", `Redis at ${shown} has version ${version}, expected ${OLDEST.join(".")} or newer.`)
  }
  const policy = field("maxmemory_policy")
  if (policy !== "" && policy !== "noeviction") {
    throw new ServeError(
      "redis",
      `Redis at ${shown} drops keys when its memory is full (maxmemory-policy ${policy}), and jobs would be lost. Type: redis-cli config set maxmemory-policy noeviction`,
    )
  }
}
