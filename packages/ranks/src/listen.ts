import { createHash, timingSafeEqual } from "node:crypto"
import { createServer as createHttpServer, type IncomingMessage } from "node:http"
import { createServer as createHttpsServer } from "node:https"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { addressText, type RankAddress } from "./address.ts"
import { RanksError } from "./errors.ts"

/** Milliseconds in which a connection has to send its request. */
const REQUEST = 10_000

/** A server whose port is open. */
export interface RankServer {
  readonly port: number
  /** Frees the port. After `patience` milliseconds, `end` and the server end what is left. */
  close(patience: number, end: () => void): Promise<void>
}

/** Listens for ranks. @throws RanksError `address` when the address cannot be listened on */
export async function createRankServer(
  { host, port }: RankAddress,
  tls: { readonly certificate: string; readonly key: string } | undefined,
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void,
): Promise<RankServer> {
  const limits = { headersTimeout: REQUEST, requestTimeout: REQUEST, connectionsCheckingInterval: REQUEST / 2 }
  const server =
    tls === undefined
      ? createHttpServer(limits)
      : createHttpsServer({ ...limits, cert: tls.certificate, key: tls.key, handshakeTimeout: REQUEST })
  server.on("upgrade", upgrade)
  // Everything else than a rank.
  server.on("request", (_, response) => response.writeHead(404).end())
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const why = cause.code === "EADDRINUSE" ? "another program listens there" : (cause.code ?? cause.message)
      const place = addressText({ host, port })
      const text = `ranks: ${place} cannot be listened on: ${why}. Give another address.`
      reject(new RanksError("address", text, { cause }))
    })
    server.listen(port, host, resolve)
  })
  // Without a listener, an error of accepting, such as of too many open files, would end the program.
  server.on("error", () => {})
  return {
    port: (server.address() as AddressInfo).port,
    close: (patience, end) =>
      new Promise((resolve) => {
        server.close(() => resolve())
        setTimeout(() => {
          end()
          server.closeAllConnections()
        }, patience).unref()
      }),
  }
}

/** Answers a request that opens no connection. */
export function refuseUpgrade(socket: Duplex, status: string): void {
  // The other end may never close its half.
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy())
}

/** Whether a header has the token. Digests have one length, so the time of the comparison says nothing. */
export function isToken(header: string | undefined, token: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest()
  return timingSafeEqual(digest(header ?? ""), digest(`Bearer ${token}`))
}
