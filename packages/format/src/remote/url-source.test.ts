import type { IncomingMessage, ServerResponse } from "node:http"
import { afterEach, describe, expect, it } from "vitest"
import type { FileServer } from "../../test/file-server.ts"
import { sendRange, startServer } from "../../test/file-server.ts"
import { smallLllite } from "../../test/lllite-file.ts"
import { readLllite } from "../lllite/read.ts"
import { openSafetensors } from "../safetensors/read.ts"
import { fromUrl } from "./url-source.ts"

const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff)
const quick = { retryDelay: 1 }

const servers: FileServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})
async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<FileServer> {
  const server = await startServer(handle)
  servers.push(server)
  return server
}

describe("fromUrl", () => {
  it("reads any range, and requests no more bytes", async () => {
    const { origin, served } = await serve((request, response) => sendRange(request, response, bytes, { etag: '"a"' }))
    const source = await fromUrl(`${origin}/canny β.safetensors?download=true`)
    expect(source.size).toBe(bytes.byteLength)
    expect(source.label).toBe(`${origin}/canny β.safetensors`)
    for (const [start, end] of [
      [0, 16],
      [8, 65_536],
      [65_000, 70_000],
      [200_000, 200_001],
      [299_999, 300_000],
      [5, 5],
      [0, 300_000],
    ] as const) {
      expect(Buffer.from(await source.read(start, end)).equals(bytes.subarray(start, end))).toBe(true)
    }
    // Bytes of the first answer are not requested again.
    expect(served.map(({ range }) => range)).toEqual([
      "bytes=0-65535",
      "bytes=65536-69999",
      "bytes=200000-200000",
      "bytes=299999-299999",
      "bytes=65536-299999",
    ])
  })

  it("sends the user name and password of an address as a header, and shows neither", async () => {
    const { origin, served } = await serve((request, response) =>
      request.url?.startsWith("/a") ? sendRange(request, response, bytes) : response.writeHead(404).end(),
    )
    const at = (path: string): string => origin.replace("//", "//me:p%20ä%zz@") + path
    const source = await fromUrl(at("/a?signed=1"), quick)
    expect(source.label).toBe(`${origin.replace("//", "//***@")}/a`)
    expect(served.map(({ authorization }) => authorization)).toEqual([
      `Basic ${Buffer.from("me:p ä%zz").toString("base64")}`,
    ])
    const refusal = await fromUrl(at("/b"), quick).catch(String)
    expect(refusal).toContain("404")
    expect(refusal).not.toMatch(/me:|p%20|signed/)
  })

  it("opens an LLLite by its header", async () => {
    const file = await smallLllite()
    const { origin, served } = await serve((request, response) => sendRange(request, response, file))
    const lllite = await readLllite(await fromUrl(`${origin}/a.safetensors`))
    expect(lllite.sites).toEqual((await readLllite(file)).sites)
    expect(served).toHaveLength(1)
    const [site] = lllite.sites
    if (site === undefined) throw new Error("no site")
    expect([...(await lllite.tensor(site, "down.0.bias"))]).toEqual([0.25, 0.25, 0.25])
  })

  it("says of an empty file that it is too short", async () => {
    const { origin } = await serve((request, response) => sendRange(request, response, new Uint8Array(0)))
    const source = await fromUrl(origin)
    await expect(openSafetensors(source)).rejects.toMatchObject({ code: "file-too-short" })
  })

  it("reads the beginning of a file from a server without ranges, and cancels the rest", async () => {
    const { origin, served } = await serve((_, response) => {
      response.writeHead(200, { "content-length": bytes.byteLength })
      response.end(bytes)
    })
    const source = await fromUrl(origin)
    expect(source.size).toBe(bytes.byteLength)
    const parts = await Promise.all([source.read(8, 100), source.read(100_000, 150_000), source.read(0, 16)])
    expect(parts.map((part) => Buffer.from(part).toString("hex"))).toEqual(
      [bytes.subarray(8, 100), bytes.subarray(100_000, 150_000), bytes.subarray(0, 16)].map((part) =>
        Buffer.from(part).toString("hex"),
      ),
    )
    await source.close()
    expect(served).toHaveLength(1)
  })

  it("refuses to read far into a file that cannot be read in parts", async () => {
    const { origin } = await serve((_, response) => {
      response.writeHead(200, { "content-length": 7e9 })
      response.write(bytes)
    })
    const source = await fromUrl(origin)
    await expect(source.read(6e9, 6e9 + 8)).rejects.toMatchObject({
      code: "source-ranges",
      message: expect.stringMatching(/cannot send parts.*Download the file/),
    })
    await source.close()
  })

  it("refuses a file of unknown length", async () => {
    const { origin } = await serve((_, response) => {
      response.write(bytes)
      response.end()
    })
    await expect(fromUrl(origin)).rejects.toMatchObject({ code: "source-ranges" })
  })

  it("asks for the length where a page may not see Content-Range", async () => {
    const { origin, served } = await serve((request, response) => sendRange(request, response, bytes))
    const hiding = async (url: string, init: RequestInit): Promise<Response> => {
      const answer = await fetch(url, init)
      const headers = new Headers(answer.headers)
      headers.delete("content-range")
      return new Response(answer.body, { status: answer.status, headers })
    }
    const source = await fromUrl(origin, { fetch: hiding })
    expect(source.size).toBe(bytes.byteLength)
    expect([...(await source.read(100_000, 100_002))]).toEqual([...bytes.subarray(100_000, 100_002)])
    expect(served.map(({ method }) => method)).toEqual(["GET", "HEAD", "GET"])
  })

  it("follows a redirect once, and sends no token to another server", async () => {
    const files = await serve((request, response) => sendRange(request, response, bytes))
    const front = await serve((_, response) => {
      response.writeHead(302, { location: `${files.origin}/signed?until=later` }).end()
    })
    const source = await fromUrl(front.origin, { headers: { authorization: "Bearer secret" } })
    await source.read(100_000, 100_001)
    await source.read(200_000, 200_001)
    expect(front.served.map(({ authorization }) => authorization)).toEqual(["Bearer secret"])
    expect(files.served.map(({ authorization }) => authorization)).toEqual([undefined, undefined, undefined])
  })

  it("requests the first address again when the redirected one has expired", async () => {
    let valid = "1"
    const files = await serve((request, response) => {
      if (request.url?.endsWith(valid)) sendRange(request, response, bytes)
      else response.writeHead(403).end()
    })
    const front = await serve((_, response) => {
      response.writeHead(302, { location: `${files.origin}/${valid}` }).end()
    })
    const source = await fromUrl(front.origin, quick)
    valid = "2"
    expect([...(await source.read(100_000, 100_001))]).toEqual([bytes[100_000]])
    expect(front.served).toHaveLength(2)
  })

  it("stops where redirects never end", async () => {
    const { origin } = await serve((_, response) => {
      response.writeHead(302, { location: "/again" }).end()
    })
    await expect(fromUrl(origin, quick)).rejects.toMatchObject({
      code: "source-unreachable",
      message: expect.stringMatching(/redirect/),
    })
  })

  it.each([
    ["another ETag", { etag: '"2"' }, bytes],
    ["another date", { etag: '"1"', "last-modified": "Sun, 02 Jan 2000 00:00:00 GMT" }, bytes],
    ["another size", { etag: '"1"' }, bytes.subarray(0, 290_000)],
  ])("refuses a file that changes while it is read: %s", async (_, headers, now) => {
    let changed = false
    const { origin } = await serve((request, response) => {
      if (changed) sendRange(request, response, now, headers)
      else sendRange(request, response, bytes, { etag: '"1"', "last-modified": "Sat, 01 Jan 2000 00:00:00 GMT" })
    })
    const source = await fromUrl(origin, quick)
    changed = true
    await expect(source.read(100_000, 200_000)).rejects.toMatchObject({ code: "source-changed", offset: 100_000 })
  })

  it("refuses a server that stops sending ranges, or sends others", async () => {
    let mood: "good" | "whole" | "other" = "good"
    const { origin } = await serve((request, response) => {
      if (mood === "whole") request.headers.range = ""
      if (mood === "other") request.headers.range = "bytes=1-2"
      sendRange(request, response, bytes)
    })
    const source = await fromUrl(origin, quick)
    mood = "whole"
    await expect(source.read(100_000, 100_001)).rejects.toMatchObject({ code: "source-ranges" })
    mood = "other"
    await expect(source.read(100_000, 100_001)).rejects.toMatchObject({ code: "source-ranges" })
  })

  it("repeats failed requests, and says so in the end", async () => {
    let failures = 0
    const { origin, served } = await serve((request, response) => {
      if (failures-- > 0) response.writeHead(503).end()
      else sendRange(request, response, bytes)
    })
    failures = 2
    const source = await fromUrl(origin, quick)
    failures = 3
    expect([...(await source.read(100_000, 100_001))]).toEqual([bytes[100_000]])
    expect(served).toHaveLength(3 + 4)
    failures = 4
    await expect(source.read(100_000, 100_001)).rejects.toMatchObject({
      code: "source-status",
      message: expect.stringMatching(/answered 503 .*asked 4 times/),
    })
  })

  it("does not repeat requests that cannot succeed", async () => {
    const { origin, served } = await serve((_, response) => {
      response.writeHead(404).end()
    })
    await expect(fromUrl(origin, quick)).rejects.toMatchObject({
      code: "source-status",
      message: expect.stringMatching(/404/),
    })
    expect(served).toHaveLength(1)
  })

  it("repeats a range that ends early, and refuses it when it always does", async () => {
    let cuts = 0
    const { origin } = await serve((request, response) => {
      const [, from] = /bytes=(\d+)/.exec(request.headers.range ?? "") ?? []
      if (from === "0" || cuts-- <= 0) return sendRange(request, response, bytes)
      response.writeHead(206, { "content-range": `bytes ${from}-199999/300000`, "content-length": 100_000 })
      response.write(bytes.subarray(0, 10), () => response.destroy())
    })
    const source = await fromUrl(origin, quick)
    cuts = 2
    expect(Buffer.from(await source.read(100_000, 200_000)).equals(bytes.subarray(100_000, 200_000))).toBe(true)
    cuts = 100
    await expect(source.read(100_000, 200_000)).rejects.toMatchObject({ code: "source-short-read", offset: 100_000 })
  })

  it("says why there is no answer", async () => {
    const { origin, close } = await serve(() => {})
    await close()
    await expect(fromUrl(origin, { ...quick, retries: 1 })).rejects.toMatchObject({
      code: "source-unreachable",
      message: expect.stringMatching(/ECONNREFUSED/),
    })
  })

  it.each(["file:///etc/passwd", "canny.safetensors", "ftp://example.com/a", ""])(
    "does not ask for %j",
    async (url) => {
      await expect(fromUrl(url)).rejects.toMatchObject({ code: "source-unreachable" })
    },
  )

  it("stops when it is aborted", async () => {
    const { origin } = await serve((_, response) => {
      response.writeHead(503).end()
    })
    const controller = new AbortController()
    const opening = fromUrl(origin, { retryDelay: 1e6, signal: controller.signal })
    setTimeout(() => controller.abort(new Error("enough")), 50)
    await expect(opening).rejects.toThrow("enough")
  })
})
