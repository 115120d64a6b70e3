import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** What a request got, in the order they came. */
export interface Served {
  readonly method: string
  readonly path: string
  readonly range: string | undefined
  readonly authorization: string | undefined
}

export interface FileServer {
  readonly origin: string
  readonly served: Served[]
  readonly close: () => Promise<void>
}

/** A web server on this machine that answers as `handle` does. */
export async function startServer(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<FileServer> {
  const served: Served[] = []
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request
    served.push({ method, path: url, range: headers.range, authorization: headers.authorization })
    handle(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    served,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

/** Answers with a part of `bytes`, as a good server does. */
export function sendRange(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): void {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? []
  if (from === undefined || to === undefined) {
    response.writeHead(200, { "content-length": bytes.byteLength, ...headers })
    response.end(request.method === "HEAD" ? undefined : bytes)
    return
  }
  const start = Number(from)
  if (start >= bytes.byteLength) {
    response.writeHead(416, { "content-range": `bytes */${bytes.byteLength}` }).end()
    return
  }
  const part = bytes.subarray(start, Number(to) + 1)
  response.writeHead(206, {
    "content-range": `bytes ${start}-${start + part.byteLength - 1}/${bytes.byteLength}`,
    "content-length": part.byteLength,
    ...headers,
  })
  response.end(part)
}
