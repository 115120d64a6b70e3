import { createHash, timingSafeEqual } from "node:crypto"
import { createServer as createHttpServer, type IncomingMessage } from "node:http"
import { createServer as createHttpsServer } from "node:https"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import type { StepPart, TrainHelp } from "@lllite/core/runtime"
import type { LossAndGradients } from "@lllite/core/training"
import { type WebSocket, WebSocketServer } from "ws"
import { addressText, type RankAddress } from "./address.ts"
import { checkTls, type TlsKeys } from "./certificate.ts"
import { RanksError } from "./errors.ts"
import { createLink, type Link, MAX_FRAME } from "./link.ts"
import { differenceOf, type FromHub, type Identity, PATH, readFromRank } from "./messages.ts"

/** What happens to ranks during a run. `ranks` is the number of ranks after it, without the leading process. */
export type RankEvent =
  | { readonly kind: "joined"; readonly name: string; readonly places: number; readonly ranks: number }
  | { readonly kind: "lost"; readonly name: string; readonly reason: string; readonly ranks: number }
  | { readonly kind: "refused"; readonly name: string; readonly reason: string; readonly ranks: number }

export interface RankHubOptions {
  readonly host: string
  /** 0 takes any that is free. */
  readonly port: number
  /** What every rank has to bring. */
  readonly token: string
  /** What every rank has to have, too. */
  readonly identity: Identity
  /** A PEM certificate with its key, for TLS. Default: none, and the connection can be read on its way */
  readonly tls?: TlsKeys
  /**
   * `continue`: the parts of a lost rank are computed elsewhere, and the run stays the same. `stop`: the run ends with
   * its last good state. Default: `continue`
   */
  readonly lost?: "continue" | "stop"
  readonly onEvent?: (event: RankEvent) => void
}

/** The leading process's end of all ranks, as the help of a training. */
export interface RankHub extends TrainHelp {
  /** Where ranks join. */
  readonly address: RankAddress
  /** The number of ranks that have joined and are there. */
  ranks(): number
  /**
   * Frees the port, and tells the ranks how the run ended. After `stopped`, they wait for a run that continues it.
   * Default: `ended`
   */
  close(how?: "ended" | "stopped"): Promise<void>
}

/** A part that a rank computes. */
interface Pending {
  readonly size: number
  resolve(result: LossAndGradients | null): void
  reject(error: Error): void
}

interface Rank {
  readonly name: string
  readonly places: number
  readonly link: Link
  readonly pending: Map<number, Pending>
  /** Parts whose answer has not come. An aborted part is among them. */
  readonly busy: Set<number>
}

/** Milliseconds until a new connection has said hello. */
const HELLO = 10_000

/**
 * Listens for ranks. They may join and leave at any time: what they compute is added up in the order of the parts.
 *
 * @throws RanksError `token-missing` for an empty token, `certificate` for one that TLS cannot use, `address` when the
 * address cannot be listened on
 */
export async function startRankHub(options: RankHubOptions): Promise<RankHub> {
  const { host, port, token, identity, tls, lost = "continue", onEvent = () => {} } = options
  if (token === "")
    throw new RanksError("token-missing", "ranks: the token is empty. Give the same secret to all ranks.")
  if (tls !== undefined) checkTls(tls)
  const server = tls === undefined ? createHttpServer() : createHttpsServer({ cert: tls.certificate, key: tls.key })
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME, perMessageDeflate: false })
  const ranks = new Set<Rank>()
  let parts = 0

  const lose = (rank: Rank, reason: string): void => {
    if (!ranks.delete(rank)) return
    for (const { resolve, reject } of rank.pending.values()) {
      if (lost === "continue") resolve(null)
      else reject(new RanksError("rank-lost", `ranks: ${rank.name} was lost: ${reason}.`))
    }
    onEvent({ kind: "lost", name: rank.name, reason, ranks: ranks.size })
  }

  const join = (socket: WebSocket, from: string): void => {
    let rank: Rank | null = null
    const refuse = (name: string, reason: string): void => {
      onEvent({ kind: "refused", name, reason, ranks: ranks.size })
      void say(link, { kind: "refused", reason })
      link.close()
    }
    const link = createLink(socket, {
      message(data) {
        const message = readFromRank(data)
        if (message === null) {
          link.drop("it sent a message of another form")
          return
        }
        if (rank === null) {
          if (message.kind !== "hello") {
            link.drop("it did not say hello")
            return
          }
          clearTimeout(hello)
          const name = `${message.name} (${from})`
          const difference = differenceOf(message.identity, identity)
          if (difference !== null) {
            refuse(name, difference)
            return
          }
          rank = { name, places: message.places, link, pending: new Map(), busy: new Set() }
          ranks.add(rank)
          void say(link, { kind: "welcome" })
          onEvent({ kind: "joined", name, places: message.places, ranks: ranks.size })
          return
        }
        if (message.kind === "hello") {
          link.drop("it said hello twice")
          return
        }
        rank.busy.delete(message.id)
        const asked = rank.pending.get(message.id)
        // An aborted part is answered, too.
        if (asked === undefined) return
        if (message.kind === "failed") {
          link.drop(`it could not compute: ${message.reason}`)
          return
        }
        const { loss, gradients } = message
        if (gradients.length !== asked.size) {
          link.drop(`it sent ${gradients.length} gradients, expected ${asked.size}`)
          return
        }
        rank.pending.delete(message.id)
        asked.resolve({ loss, gradients })
      },
      ended(reason) {
        clearTimeout(hello)
        if (rank !== null) lose(rank, reason)
      },
    })
    const hello = setTimeout(() => link.drop("it did not say hello"), HELLO)
  }

  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => {})
    const { pathname } = new URL(request.url ?? "/", "http://ranks")
    if (pathname !== PATH) return refuseUpgrade(socket, "404 Not Found")
    if (!isToken(request.headers.authorization, token)) return refuseUpgrade(socket, "401 Unauthorized")
    const from = request.socket.remoteAddress ?? "unknown"
    sockets.handleUpgrade(request, socket, head, (opened) => join(opened, from))
  })
  // Everything else than a rank.
  server.on("request", (_, response) => response.writeHead(404).end())
  await listening(server, host, port)
  const { port: found } = server.address() as AddressInfo

  return {
    address: { host, port: found },
    places: () => [...ranks].reduce((sum, { places, busy }) => sum + Math.max(0, places - busy.size), 0),
    async gradient(part: StepPart, signal: AbortSignal) {
      const rank = [...ranks].find(({ places, busy }) => busy.size < places)
      if (rank === undefined) return null
      signal.throwIfAborted()
      const id = parts++
      rank.busy.add(id)
      let stop = (): void => {}
      try {
        return await new Promise<LossAndGradients | null>((resolve, reject) => {
          rank.pending.set(id, { size: part.lllite.values.length, resolve, reject })
          stop = () => {
            if (rank.pending.delete(id)) void say(rank.link, { kind: "abort", id })
            reject(signal.reason)
          }
          signal.addEventListener("abort", stop)
          void say(rank.link, { kind: "part", id, part })
        })
      } finally {
        signal.removeEventListener("abort", stop)
      }
    },
    ranks: () => ranks.size,
    async close(how = "ended") {
      const all = [...ranks]
      ranks.clear()
      for (const { link } of all) {
        void say(link, { kind: how === "ended" ? "end" : "stopped" })
        link.close()
      }
      sockets.close()
      await new Promise((resolve) => {
        server.close(resolve)
        // A rank that does not answer the end is not waited for.
        setTimeout(() => {
          for (const client of sockets.clients) client.terminate()
          server.closeAllConnections()
        }, CLOSE).unref()
      })
    },
  }
}

/** Milliseconds that connections get to end by themselves. */
const CLOSE = 2000

/** Sends a message. A connection that has ended says so by its event. */
async function say(link: Link, message: FromHub): Promise<void> {
  await link.send(message).catch(() => {})
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

/** Whether a header has the token. Digests have one length, so the time of the comparison says nothing. */
function isToken(header: string | undefined, token: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest()
  return timingSafeEqual(digest(header ?? ""), digest(`Bearer ${token}`))
}

async function listening(server: ReturnType<typeof createHttpServer>, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const why = cause.code === "EADDRINUSE" ? "another program listens there" : (cause.code ?? cause.message)
      reject(
        new RanksError(
          "address",
          `ranks: ${addressText({ host, port })} cannot be listened on: ${why}. Give another address.`,
          {
            cause,
          },
        ),
      )
    })
    server.listen(port, host, resolve)
  })
}
