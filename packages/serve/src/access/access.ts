import { createHash, timingSafeEqual } from "node:crypto"
import { isIP } from "node:net"
import { isLoopback } from "@lllite/runtime-node/options"
import type { FastifyRequest } from "fastify"
import { ServeError } from "../errors.ts"

/** Who may use the server. */
export interface AccessOptions {
  /** The address that the server listens on. */
  readonly host: string
  /** The key that every request has to bring. Null: none, which only a loopback address may have. */
  readonly key: string | null
  /** Further names that the server is called by, such as that of a proxy. */
  readonly allowHosts: readonly string[]
  /** Origins of other pages that may use it, such as `https://example.org`. */
  readonly allowOrigins: readonly string[]
}

/** Checks a request before anything of it is read. @throws ServeError */
export type AccessCheck = (request: Pick<FastifyRequest, "headers" | "method">) => void

/**
 * The check of all requests. A page elsewhere cannot drive the server: its origin is refused. A name that was made to
 * lead here (DNS rebinding) cannot either: the request names another host.
 *
 * @throws ServeError `key-missing` for an address that others can reach, without a key; `access` for a name or an origin
 * that no request can have
 */
export function createAccessCheck({ host, key, allowHosts, allowOrigins }: AccessOptions): AccessCheck {
  expectNames(host, allowHosts, allowOrigins)
  const isLocal = isLoopback(host)
  if (!isLocal && key === null) {
    throw new ServeError(
      "key-missing",
      `other machines can reach ${host}, so a key is needed. Set it with --key_file, or in LLLITE_SERVE_KEY.`,
    )
  }
  const hosts = new Set(allowHosts.map((name) => name.toLowerCase()))
  return ({ headers, method }) => {
    const named = hostName(headers.host ?? "")
    // With a key, a page under another name has no use of the server.
    if (!hosts.has(named) && !isLoopback(named) && (isLocal || hosts.size > 0)) {
      throw new ServeError(
        "host",
        `the request is for the host ${JSON.stringify(named.slice(0, 200))}, which is not a name of this server. Allow it with --allow_host.`,
      )
    }
    const { origin } = headers
    const isOwn =
      origin === undefined ||
      allowOrigins.includes(origin) ||
      [`http://${headers.host}`, `https://${headers.host}`].includes(origin)
    if (!isOwn) {
      throw new ServeError(
        "origin",
        `the page ${JSON.stringify(origin.slice(0, 200))} may not use this server. Allow it with --allow_origin.`,
      )
    }
    const site = headers["sec-fetch-site"]
    const isLink = method === "GET" && headers["sec-fetch-mode"] === "navigate"
    if (origin === undefined && (site === "cross-site" || site === "same-site") && !isLink) {
      throw new ServeError("origin", "a page of another site may not use this server. Allow it with --allow_origin.")
    }
    if (key !== null && !hasKey(headers.authorization, key)) {
      throw new ServeError(
        "key",
        'the key is missing or wrong. Send "Authorization: Bearer KEY", or the key as a password.',
      )
    }
  }
}

/** Names of hosts have no port and no path, and origins have no path, or they are never those of a request. */
function expectNames(host: string, allowHosts: readonly string[], allowOrigins: readonly string[]): void {
  const wrong = (what: string, given: string, expected: string): ServeError =>
    new ServeError("access", `${what} is ${JSON.stringify(given.slice(0, 200))}, expected ${expected}.`)
  if (!isHostName(host)) throw wrong("the address to listen on", host, "one such as 127.0.0.1 or localhost")
  for (const name of allowHosts) {
    if (!isHostName(name)) throw wrong("an allowed host", name, "a name without a port, such as server.example")
  }
  for (const origin of allowOrigins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw wrong("an allowed origin", origin, "one without a path, such as https://page.example")
    }
  }
}

function isHostName(name: string): boolean {
  return isIP(name) !== 0 || /^[\p{L}\p{N}_-]+(\.[\p{L}\p{N}_-]+)*\.?$/u.test(name)
}

/** The name of a `Host` header, without the port and brackets. */
function hostName(header: string): string {
  const [, ipv6, name] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*))(?::\d+)?$/i.exec(header) ?? []
  return (ipv6 ?? name ?? "").toLowerCase()
}

/** Whether a header has the key: as a token, or as the password of any user, which browsers ask for. */
function hasKey(header: string | undefined, key: string): boolean {
  const [, scheme = "", value = ""] = /^(bearer|basic) +(\S+)$/i.exec(header ?? "") ?? []
  if (scheme.toLowerCase() === "bearer") return isSame(value, key)
  const text = Buffer.from(value, "base64").toString("utf8")
  return scheme !== "" && isSame(text.slice(text.indexOf(":") + 1), key)
}

/** Compares in a time that says nothing of the key. */
function isSame(text: string, key: string): boolean {
  const digest = (value: string): Buffer => createHash("sha256").update(value).digest()
  return timingSafeEqual(digest(text), digest(key))
}
