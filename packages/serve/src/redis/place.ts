import { ServeError } from "../errors.ts"

/** Where Redis is. */
export interface RedisPlace {
  /** `redis://host:port/database`, or `rediss://…` with TLS. It may have a user and a password. */
  readonly url: string
  /** The password, where the address has none. */
  readonly password?: string | null
  /** Certificates that sign the server's one, as PEM, in the place of those that Node trusts. For `rediss://` alone. */
  readonly ca?: string | null
}

/** A place in parts, as a client takes them. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
  readonly database: number
  readonly username: string | null
  readonly password: string | null
  readonly hasTls: boolean
  readonly ca: string | null
  /** The address without user and password, which may be shown. */
  readonly shown: string
}

const [DEFAULT_PORT, MOST_DATABASES] = [6379, 1_000_000]

/**
 * Reads the address of a Redis. Errors never show what was given, since it may hold a password.
 *
 * @throws ServeError `redis`
 */
export function readRedisPlace({ url, password = null, ca = null }: RedisPlace): RedisAddress {
  const parsed = URL.canParse(url) ? new URL(url) : null
  const [, database = "0"] = /^\/?(\d*)$/.exec(parsed?.pathname ?? "") ?? []
  const isWhole =
    parsed !== null &&
    ["redis:", "rediss:"].includes(parsed.protocol) &&
    parsed.hostname !== "" &&
    /^\/?\d*$/.test(parsed.pathname) &&
    Number(database) < MOST_DATABASES &&
    parsed.search === "" &&
    parsed.hash === ""
  if (!isWhole) {
    throw new ServeError(
      "redis",
      "the address of Redis has another form than expected. Expected redis://HOST:PORT or rediss://HOST:PORT, and /NUMBER for another database than 0.",
    )
  }
  const hasTls = parsed.protocol === "rediss:"
  if (ca !== null && !hasTls) {
    throw new ServeError(
      "redis",
      "certificates for Redis have no effect without TLS. Expected an address with rediss://.",
    )
  }
  const port = parsed.port === "" ? DEFAULT_PORT : Number(parsed.port)
  const inAddress = plain(parsed.password)
  return {
    // IPv6 has brackets in addresses alone.
    host: parsed.hostname.replace(/^\[(.*)\]$/, "$1"),
    port,
    database: Number(database),
    username: plain(parsed.username),
    password: inAddress ?? password,
    ...{ hasTls, ca },
    shown: `${parsed.protocol}//${parsed.hostname}:${port}${Number(database) === 0 ? "" : `/${Number(database)}`}`,
  }
}

/** A part of an address without its escapes. */
function plain(part: string): string | null {
  if (part === "") return null
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
