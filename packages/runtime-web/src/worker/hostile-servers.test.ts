import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { expect, it } from "vitest"
import { HOSTILE_SERVERS } from "../../../format/test/hostile-servers.ts"
import { download } from "./download.ts"

/** How a download from each server ends, if not in an error of the connection. */
const ENDS: Readonly<Record<string, string>> = {
  "never answers": "source-timeout",
  "sends half a status line": "source-timeout",
  "sends headers without end": "connection-lost",
  "sends a header line a moment": "source-timeout",
  "sends headers and no body": "source-timeout",
  "sends a byte a moment": "source-timeout",
  "redirects to silence": "source-timeout",
  "asks to wait an hour": "server-status",
  "asks to wait until a far date": "server-status",
  "floods a refusal": "server-status",
  "floods without a length": "file-size",
  "announces the longest header and floods": "file-size",
  "states a size that no file has": "file-size",
  "sends another range": "server-status",
  "sends a range without naming it": "server-status",
  "sends a small answer that unpacks to 30 MB": "file-size",
  "sends a page to log in": "downloaded",
  "sends more than its length": "downloaded",
}

/** A target of a download that keeps its size alone. */
function sizedTarget(): Parameters<typeof download>[1] {
  let size = 0
  return {
    get size() {
      return size
    },
    write: (bytes: Uint8Array, at: number) => {
      size = at + bytes.byteLength
    },
    truncate: (to: number) => {
      size = to
    },
  }
}

it.each(Object.keys(HOSTILE_SERVERS))("ends a download from a server that %s", async (name) => {
  const server = createServer((request, response) => HOSTILE_SERVERS[name]?.(request, response))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  const target = sizedTarget()
  const limits = { silence: 300, leastRate: 4096, longestWait: 100 }
  const options = { attempts: 2, backoff: 1, limits, mostBytes: 2 ** 24 }
  try {
    const end = await (async () => {
      for await (const _ of download(`http://127.0.0.1:${port}/a`, target, options)) {
      }
      return "downloaded"
    })().catch((error: unknown) => (error instanceof Error && "code" in error ? error.code : String(error)))
    expect(end).toBe(ENDS[name] ?? "connection-lost")
    expect(target.size).toBeLessThanOrEqual(2 ** 24)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

it("gives up a server that sends one byte for each connection", async () => {
  let asked = 0
  const total = 1_000_000
  const fetch = async (_: unknown, init?: RequestInit): Promise<Response> => {
    asked += 1
    const at = Number(/bytes=(\d+)-/.exec(new Headers(init?.headers).get("range") ?? "")?.[1] ?? 0)
    const headers = { etag: '"a"', "content-range": `bytes ${at}-${total - 1}/${total}` }
    return new Response(
      new Uint8Array(1),
      at === 0 ? { headers: { etag: '"a"', "content-length": `${total}` } } : { status: 206, headers },
    )
  }
  const target = sizedTarget()
  await expect(async () => {
    for await (const _ of download("https://example.org/a", target, { fetch, backoff: 1 })) {
    }
  }).rejects.toMatchObject({ code: "connection-lost" })
  expect(asked).toBe(5)
})
