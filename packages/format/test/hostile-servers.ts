import type { IncomingMessage, ServerResponse } from "node:http"
import { gzipSync } from "node:zlib"

/*
 * Servers that wait, lie and flood. Readers of addresses run against each of them. What a server sends continuously stops
 * when its connection closes.
 */

/** Answers a request badly. */
export type HostileServer = (request: IncomingMessage, response: ServerResponse) => void

const FIRST = { "content-range": "bytes 0-65535/9000000", "content-length": 65536 }

/** Repeats a step until the connection closes. */
function repeat(response: ServerResponse, milliseconds: number, step: () => void): void {
  const timer = setInterval(step, milliseconds)
  response.on("close", () => clearInterval(timer))
}

/** Sends a block again and again, as fast as it is read. */
function flood(response: ServerResponse, block: Uint8Array): void {
  const more = (): void => {
    while (!response.destroyed && response.write(block)) {}
  }
  response.on("drain", more)
  more()
}

/** Writes to the connection below HTTP. */
function raw(response: ServerResponse, text: string): void {
  response.socket?.write(text)
}

const zeros = new Uint8Array(65536)
const bomb = gzipSync(Buffer.alloc(3e7, "["))

/** Eight bytes that state the length of a safetensors header. */
function headerLength(length: number): Uint8Array {
  const bytes = new Uint8Array(65536)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  return bytes
}

export const HOSTILE_SERVERS: Readonly<Record<string, HostileServer>> = {
  "never answers": () => {},
  "closes at once": (_, response) => void response.socket?.destroy(),
  "sends half a status line": (_, response) => raw(response, "HTTP/1.1 2"),
  "sends headers without end": (_, response) => {
    raw(response, "HTTP/1.1 200 OK\r\n")
    repeat(response, 1, () => raw(response, `x-more: ${"x".repeat(8000)}\r\n`))
  },
  "sends a header line a moment": (_, response) => {
    raw(response, "HTTP/1.1 200 OK\r\n")
    repeat(response, 50, () => raw(response, "x: y\r\n"))
  },
  "does not speak HTTP": (_, response) => void response.socket?.end("\u0000\u0001 SSH-2.0-OpenSSH_9.9\r\n\r\n"),
  "sends headers and no body": (_, response) => {
    response.writeHead(206, FIRST)
    response.flushHeaders()
  },
  "sends a byte a moment": (_, response) => {
    response.writeHead(206, FIRST)
    repeat(response, 50, () => response.write(zeros.subarray(0, 1)))
  },
  "asks to wait an hour": (_, response) => void response.writeHead(429, { "retry-after": "3600" }).end(),
  "asks to wait until a far date": (_, response) =>
    void response.writeHead(503, { "retry-after": "Fri, 31 Dec 9999 23:59:59 GMT" }).end(),
  "is always busy": (_, response) => void response.writeHead(503).end(),
  "redirects to itself": ({ url }, response) => void response.writeHead(302, { location: url }).end(),
  "redirects without end": ({ url = "" }, response) =>
    void response.writeHead(302, { location: `${url.replace(/\?.*/, "")}?${Math.random()}` }).end(),
  "redirects to a file": (_, response) => void response.writeHead(302, { location: "file:///etc/passwd" }).end(),
  "redirects to silence": ({ url = "" }, response) => {
    if (!url.includes("silence")) response.writeHead(302, { location: "/silence" }).end()
  },
  "floods a refusal": (_, response) => {
    response.writeHead(401)
    flood(response, zeros)
  },
  "floods without a length": (_, response) => {
    response.writeHead(200)
    flood(response, Buffer.alloc(65536, "["))
  },
  "ends before its length": (_, response) => {
    response.writeHead(200, { "content-length": 9_000_000 })
    response.write(headerLength(1_000_000), () => response.socket?.destroy())
  },
  "sends more than its length": (_, response) =>
    raw(response, `HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n${"{".repeat(4096)}`),
  "sends another range": (_, response) =>
    void response.writeHead(206, { "content-range": "bytes 5-65540/9000000" }).end(zeros),
  "sends a range without naming it": ({ method }, response) => {
    if (method !== "HEAD") response.writeHead(206).end(zeros)
  },
  "states a size that no file has": ({ method }, response) => {
    const range = { "content-range": `bytes 0-65535/${"9".repeat(30)}` }
    response.writeHead(206, range).end(method === "HEAD" ? undefined : zeros)
  },
  "compresses a range": (_, response) =>
    void response
      .writeHead(206, { "content-range": FIRST["content-range"], "content-encoding": "gzip" })
      .end(gzipSync(zeros)),
  "sends a small answer that unpacks to 30 MB": (_, response) =>
    void response.writeHead(200, { "content-encoding": "gzip" }).end(bomb),
  "announces the longest header and floods": ({ headers }, response) => {
    const from = Number(/^bytes=(\d+)-/.exec(headers.range ?? "")?.[1] ?? 0)
    response.writeHead(206, { "content-range": `bytes ${from}-99999999/200000000` })
    if (from === 0) response.write(headerLength(99_999_999))
    flood(response, Buffer.alloc(65536, " "))
  },
  "is another file at every request": ({ headers }, response) => {
    const [, from = "0", to = "0"] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? []
    const range = { "content-range": `bytes ${from}-${to}/9000000`, etag: `"${Math.random()}"` }
    response.writeHead(206, range).end(from === "0" ? headerLength(1_000_000) : zeros)
  },
  "sends a page to log in": (_, response) => void response.end("<!doctype html><title>log in</title>"),
}
