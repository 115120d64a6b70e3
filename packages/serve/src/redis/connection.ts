import { isIP } from "node:net"
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

function optionsOf({ host, port, database, username, password, hasTls, ca }: RedisAddress): object {
  // A name is sent so that a server with several certificates can choose. TLS has no addresses there.
  const name = isIP(host) === 0 ? { servername: host } : {}
  return {
    ...{ host, port, db: database, connectTimeout: FIRST_ANSWER },
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(hasTls ? { tls: { ...name, ...(ca === null ? {} : { ca }) } } : {}),
  }
}

async function check(address: RedisAddress): Promise<void> {
  const client = new Redis({ ...optionsOf(address), lazyConnect: true, retryStrategy: () => null })
  // Without a listener, the client would print its errors.
  let last: Error | null = null
  client.on("error", (error: Error) => {
    last = error
  })
  const late = setTimeout(() => client.disconnect(), FIRST_ANSWER)
  try {
    await client.connect()
    checkInfo(address.shown, await client.info())
  } catch (cause) {
    if (cause instanceof ServeError) throw cause
    // What the connection said tells more than that it is closed.
    const error = cause instanceof Error && !/^Connection is closed/.test(cause.message) ? cause : last
    const { what, cure } = failureText(address, error as Error | null)
    throw new ServeError("redis", `Redis at ${address.shown} cannot be used: ${what}. ${cure}`, { cause })
  } finally {
    clearTimeout(late)
    client.disconnect()
  }
}

/** Codes of OpenSSL and Node for certificates that nothing known has signed. */
const UNTRUSTED =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|CERT_UNTRUSTED)$/

/** Why a Redis cannot be used, and what to do. @param error null: it does not answer */
function failureText(
  { hasTls }: RedisAddress,
  error: (Error & { readonly code?: unknown }) | null,
): { readonly what: string; readonly cure: string } {
  const said = error?.message.replace(/\.$/, "") ?? "it does not answer"
  const code = String(error?.code ?? "")
  if (UNTRUSTED.test(code)) {
    return {
      what: `its certificate is not trusted: ${said}`,
      cure: "Give the certificate that signed it by --redis_ca_file.",
    }
  }
  if (code === "CERT_HAS_EXPIRED") return { what: "its certificate has expired", cure: "Give Redis a new one." }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return { what: "its certificate is for another name", cure: "Use a name of the certificate in the address." }
  }
  if (/^(ERR_SSL_|EPROTO)/.test(code)) {
    return { what: `TLS failed: ${said}`, cure: "Look at the settings of Redis that begin with tls-." }
  }
  if (/NOAUTH|WRONGPASS|AUTH/i.test(said)) {
    return {
      what: /NOAUTH/.test(said) ? "it asks for a password" : said,
      cure: "Give the password by --redis_password_file, or as LLLITE_REDIS_PASSWORD of the environment.",
    }
  }
  // A Redis without TLS waits for more, and one with TLS ends what has none.
  if (hasTls && (error === null || code === "ECONNRESET"))
    return { what: "it does not answer with TLS", cure: "If it is there without TLS, use redis:// in the address." }
  if (!hasTls && (/Connection is closed/.test(said) || code === "ECONNRESET")) {
    return { what: "it ends the connection", cure: "If it has TLS, use rediss:// in the address." }
  }
  return { what: said, cure: "Start it, for example with: redis-server --appendonly yes" }
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
