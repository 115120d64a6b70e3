import { describe, expect, it, vi } from "vitest"
import type { UrlOptions } from "./url-source.ts"
import { fromUrl } from "./url-source.ts"

const FILE = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff)
const FIRST = "https://example.org/a"

interface Asked {
  readonly url: string
  readonly range: readonly [number, number]
  readonly authorization: string | undefined
  readonly method: string
  /** Requests before this one. */
  readonly count: number
}

/** A source over a server that answers as `handle` does. It keeps what was asked. */
function serverOf(handle: (asked: Asked) => Response | Promise<Response>) {
  const asked: Asked[] = []
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers)
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.get("range") ?? "") ?? []
    const request: Asked = {
      ...{ url, range: [Number(from), Number(to) + 1], method: init.method ?? "GET", count: asked.length },
      authorization: headers.get("authorization") ?? undefined,
    }
    asked.push(request)
    return handle(request)
  }
  const open = (options: UrlOptions = {}, url = FIRST) => fromUrl(url, { retryDelay: 0, ...options, fetch })
  return { asked, open }
}

/** The bytes of a range, as a server that keeps to the rules sends them. */
function part({ range: [start, end] }: Asked, headers: Record<string, string> = {}, url = "") {
  const stop = Math.min(end, FILE.byteLength)
  const answer = new Response(FILE.slice(start, stop), {
    status: 206,
    headers: { "content-range": `bytes ${start}-${stop - 1}/${FILE.byteLength}`, ...headers },
  })
  Object.defineProperty(answer, "url", { value: url })
  return answer
}

const whole = (body: BodyInit | null, headers: Record<string, string>): Response => new Response(body, { headers })
const stream = (cancel: () => void, ...pieces: readonly Uint8Array<ArrayBuffer>[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start: (controller) => {
      for (const piece of pieces) controller.enqueue(piece)
    },
    cancel,
  })

describe("what is sent", () => {
  it.each([
    ["https://example.org/a", undefined],
    ["https://me@example.org/a", "Basic bWU6"],
    ["https://:pw@example.org/a", "Basic OnB3"],
    ["https://me:pw@example.org/a", "Basic bWU6cHc="],
  ])("for %s has the credentials of the address, and no others", async (url, authorization) => {
    const { asked, open } = serverOf(part)
    await (await open({}, url)).read(100_000, 100_001)
    expect(asked.map((each) => [each.url, each.authorization])).toEqual([
      [FIRST, authorization],
      [FIRST, authorization],
    ])
  })

  it("keeps the caller's headers on the same server, and drops them on another, with all other options kept", async () => {
    const headers = { authorization: "Bearer x" }
    for (const [place, authorization] of [
      ["https://example.org/b", "Bearer x"],
      ["https://cdn.example.org/b", undefined],
    ] as const) {
      const { asked, open } = serverOf((request) => part(request, {}, place))
      await (await open({ headers })).read(100_000, 100_001)
      expect(asked.map((each) => [each.url, each.authorization])).toEqual([
        [FIRST, "Bearer x"],
        [place, authorization],
      ])
    }
  })

  it("is nothing for a range without bytes", async () => {
    const { asked, open } = serverOf(part)
    const source = await open()
    expect(await source.read(200_000, 200_000)).toHaveLength(0)
    expect(await source.read(65_536, 65_537)).toEqual(FILE.slice(65_536, 65_537))
    expect(asked.map(({ range }) => range)).toEqual([
      [0, 65_536],
      [65_536, 65_537],
    ])
  })

  it("goes to the target of a redirect, again after that has expired", async () => {
    let target = "https://cdn.example.org/1"
    const { asked, open } = serverOf((request) => {
      if (request.url === FIRST || request.url === target) return part(request, {}, target)
      return new Response(null, { status: 403 })
    })
    const source = await open()
    target = "https://cdn.example.org/2"
    await source.read(100_000, 100_001)
    await source.read(100_000, 100_001)
    expect(asked.map(({ url }) => url)).toEqual([FIRST, "https://cdn.example.org/1", FIRST, target])
  })

  it("goes to the target of a redirect alone where that cannot be reached", async () => {
    const target = "https://cdn.example.org/1"
    const { asked, open } = serverOf((request) => {
      if (request.count > 0) throw new TypeError("fetch failed")
      return part(request, {}, target)
    })
    const source = await open({ retries: 1 })
    await expect(source.read(100_000, 100_001)).rejects.toMatchObject({ code: "source-unreachable" })
    expect(asked.map(({ url }) => url)).toEqual([FIRST, target, target])
  })
})

describe("a server that sends parts", () => {
  it("is believed without a version, or with the size left open", async () => {
    const versions = [{ etag: '"1"' }, {}, { "last-modified": "Sat, 01 Jan 2000 00:00:00 GMT" }]
    const { open } = serverOf((request) => {
      const [start, end] = request.range
      const size = request.count === 0 ? FILE.byteLength : "*"
      return part(request, { ...versions[request.count], "content-range": `bytes ${start}-${end - 1}/${size}` })
    })
    const source = await open()
    for (const start of [100_000, 200_000])
      expect(await source.read(start, start + 2)).toEqual(FILE.slice(start, start + 2))
  })

  it.each([
    [{ "content-encoding": "gzip" }, "got compressed ones"],
    [{ "content-range": "bytes 5-65540/300000" }, "got bytes from 5"],
  ])("is refused where its first answer has %j", async (headers, came) => {
    const { open } = serverOf((request) => part(request, headers as unknown as Record<string, string>))
    await expect(open()).rejects.toMatchObject({ code: "source-ranges", message: expect.stringContaining(came) })
  })

  it("is refused where a later answer has other bytes", async () => {
    const whole = serverOf((request) => (request.count === 0 ? part(request) : new Response(FILE)))
    await expect((await whole.open()).read(100_000, 100_001)).rejects.toMatchObject({
      ...{ code: "source-ranges", offset: 100_000 },
      message: expect.stringContaining("asked the server for bytes from 100000, got the whole file"),
    })
    const other = serverOf((request) => part(request.count === 0 ? request : { ...request, range: [7, 8] }))
    await expect((await other.open()).read(100_000, 100_001)).rejects.toMatchObject({
      message: expect.stringContaining("got bytes from 7"),
    })
  })

  it.each(["bytes 0-65535/300000 or so", "my bytes 0-65535/300000", ""])(
    "is asked for the size where it says %j",
    async (range) => {
      const { asked, open } = serverOf((request) => {
        if (request.method === "HEAD") return whole(null, { "content-length": "300000" })
        return part(request, request.count === 0 ? { "content-range": range } : {})
      })
      expect((await open()).size).toBe(300_000)
      expect(asked.map(({ method }) => method)).toEqual(["GET", "HEAD"])
    },
  )

  it.each([undefined, "", "12 MB", "about 12"])("is refused where it then says %j", async (length) => {
    const { open } = serverOf((request) =>
      request.method === "HEAD"
        ? whole(null, length === undefined ? {} : { "content-length": length })
        : part(request, { "content-range": "" }),
    )
    await expect(open()).rejects.toMatchObject({ code: "source-ranges", message: /does not say how long the file is/ })
  })

  it("is asked again, as often as allowed, where fewer bytes come than it said", async () => {
    const { asked, open } = serverOf((request) => {
      const [start, end] = request.range
      if (request.count === 0) return part(request)
      return part({ ...request, range: [start, end - 1] })
    })
    const source = await open({ retries: 2 })
    await expect(source.read(100_000, 100_010)).rejects.toMatchObject({
      ...{ code: "source-short-read", offset: 100_000 },
      message: expect.stringContaining("asked the server for 10 bytes, 9 came"),
    })
    expect(asked).toHaveLength(1 + 3)
  })

  it.each([
    ["more than was asked", 100_200],
    ["nothing more, without an end", 100_010],
  ])("is left when all has come, where it sends %s", async (_, last) => {
    const cancel = vi.fn()
    const { open } = serverOf((request) => {
      if (request.count === 0) return part(request)
      const headers = { "content-range": "bytes 100000-100009/300000" }
      return new Response(stream(cancel, FILE.slice(100_000, 100_004), FILE.slice(100_004, last)), {
        status: 206,
        headers,
      })
    })
    const source = await open({ limits: { silence: 200 } })
    expect(await source.read(100_000, 100_010)).toEqual(FILE.slice(100_000, 100_010))
    expect(cancel).toHaveBeenCalledTimes(1)
  })

  it("is asked anew for a beginning that broke, but not for one that was too slow", async () => {
    const breaks = new ReadableStream({ pull: (controller) => controller.error(new TypeError("terminated")) })
    const headers = { "content-range": "bytes 0-65535/300000" }
    const broken = serverOf((request) =>
      request.count === 0 ? new Response(breaks, { status: 206, headers }) : part(request),
    )
    const source = await broken.open()
    expect(await source.read(0, 8)).toEqual(FILE.slice(0, 8))
    const silent = serverOf(
      () =>
        new Response(
          stream(() => {}),
          { status: 206, headers },
        ),
    )
    await expect(silent.open({ limits: { silence: 20 } })).rejects.toMatchObject({ code: "source-timeout" })
    expect(silent.asked).toHaveLength(1)
  })
})

describe("a server that sends the whole file", () => {
  it.each([
    [{}],
    [{ "content-length": "300000", "content-encoding": "gzip" }],
    [{ "content-length": "12 MB" }],
    [{ "content-length": "about 12" }],
    [{ "content-length": "1e3" }],
    [{ "content-length": "-12" }],
  ])("is refused with %j, and its connection freed", async (headers) => {
    const cancel = vi.fn()
    const { open } = serverOf(() => whole(stream(cancel), headers as Record<string, string>))
    await expect(open()).rejects.toMatchObject({
      code: "source-ranges",
      message: expect.stringContaining("the server neither sends parts of the file nor says how long it is"),
    })
    expect(cancel).toHaveBeenCalledTimes(1)
  })

  it("gives what came where it ends early, and the 64 MiB at most", async () => {
    const { open } = serverOf(() => whole(FILE, { "content-length": String(7e9), "content-encoding": "identity" }))
    const source = await open()
    expect(source.size).toBe(7e9)
    expect(await source.read(299_990, 300_010)).toEqual(FILE.slice(299_990))
    expect(await source.read(400_000, 64 * 2 ** 20)).toHaveLength(0)
    await expect(source.read(0, 64 * 2 ** 20 + 1)).rejects.toMatchObject({ code: "source-ranges" })
  })

  it("is left when the source is closed", async () => {
    const cancel = vi.fn()
    const { open } = serverOf(() => whole(stream(cancel, FILE), { "content-length": "7000000" }))
    const source = await open()
    expect(await source.read(0, 4)).toEqual(FILE.slice(0, 4))
    await source.close()
    expect(cancel).toHaveBeenCalledTimes(1)
  })
})
