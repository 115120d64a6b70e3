import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { expect, it } from "vitest"
import { HOSTILE_SERVERS } from "../../test/hostile-servers.ts"
import { FormatError } from "../errors.ts"
import { openSafetensors } from "../safetensors/read.ts"
import { resolveHubFile } from "./hub.ts"
import { fromUrl } from "./url-source.ts"

const options = { retryDelay: 1, limits: { silence: 300, longestWait: 100 } }

/** What a reader of a file says of each server. */
const CODES: Readonly<Record<string, string>> = {
  "never answers": "source-timeout",
  "closes at once": "source-unreachable",
  "sends half a status line": "source-timeout",
  "sends headers without end": "source-unreachable",
  "sends a header line a moment": "source-timeout",
  "does not speak HTTP": "source-unreachable",
  "sends headers and no body": "source-timeout",
  "sends a byte a moment": "source-timeout",
  "asks to wait an hour": "source-status",
  "asks to wait until a far date": "source-status",
  "is always busy": "source-status",
  "redirects to itself": "source-unreachable",
  "redirects without end": "source-unreachable",
  "redirects to a file": "source-unreachable",
  "redirects to silence": "source-timeout",
  "floods a refusal": "source-status",
  "floods without a length": "source-ranges",
  "ends before its length": "source-short-read",
  "sends more than its length": "header-too-long",
  "sends another range": "source-ranges",
  "sends a range without naming it": "source-timeout",
  "states a size that no file has": "source-ranges",
  "compresses a range": "source-ranges",
  "sends a small answer that unpacks to 30 MB": "source-ranges",
  "announces the longest header and floods": "header-syntax",
  "is another file at every request": "source-changed",
  "sends a page to log in": "not-safetensors",
}

async function against(name: string, work: (origin: string) => Promise<unknown>): Promise<unknown> {
  const server = createServer((request, response) => HOSTILE_SERVERS[name]?.(request, response))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  try {
    return await work(`http://127.0.0.1:${port}`).catch((error: unknown) => error)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

it.each(Object.keys(HOSTILE_SERVERS))("names what is wrong with a server that %s", async (name) => {
  const read = await against(name, async (origin) => openSafetensors(await fromUrl(`${origin}/a.safetensors`, options)))
  expect(read).toBeInstanceOf(FormatError)
  expect(read).toMatchObject({ code: CODES[name] })
  const reference = { repo: "owner/name", revision: "main", file: null }
  const found = await against(name, (endpoint) => resolveHubFile(reference, { ...options, endpoint }))
  expect(found).toMatchObject({ name: "FormatError", code: expect.stringMatching(/^(hub$|source-)/) })
})

it("says how long a server asks to wait, and waits if that is short", async () => {
  const busy = await against("asks to wait an hour", (origin) => fromUrl(origin, options))
  expect(String(busy)).toContain("answered 429 Too Many Requests. Try again after 3600 s.")
  let asked = 0
  const fetch = async (): Promise<Response> =>
    asked++ === 0
      ? new Response(null, { status: 503, headers: { "retry-after": "1" } })
      : new Response("x", { headers: { "content-length": "1" } })
  const start = performance.now()
  const source = await fromUrl("https://example.org/a", { fetch, retryDelay: 1, limits: { longestWait: 2000 } })
  expect(source.size).toBe(1)
  expect(performance.now() - start).toBeGreaterThan(990)
})

it("lets a slow server that keeps the least rate send all", async () => {
  const bytes = new Uint8Array(6000)
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 40))
      controller.enqueue(bytes.slice(0, 500))
      sent += 500
      if (sent === bytes.length) controller.close()
    },
  })
  let sent = 0
  const fetch = async (): Promise<Response> => new Response(body, { headers: { "content-length": "6000" } })
  const limits = { silence: 300, leastRate: 1000 }
  const source = await fromUrl("https://example.org/a", { fetch, limits })
  expect(await source.read(0, 6000)).toHaveLength(6000)
})
