import { createServer, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { DownloadOptions, DownloadProgress, DownloadTarget, FileVersion } from "./download.ts"
import { download } from "./download.ts"

const FILE = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 251)

/** A server of one file. A test chooses how it answers. */
interface Manners {
  etag: string | null
  ranges: boolean
  /** Byte of each answer at which its connection fails, counted from its first byte. Later answers are complete. */
  breaks: number[]
  statuses: number[]
}

const manners: Manners = { etag: '"1"', ranges: true, breaks: [], statuses: [] }
const ranges: (string | undefined)[] = []
let server: Server
let url = ""

function answer(range: string | undefined, ifRange: string | undefined, response: ServerResponse): void {
  const status = manners.statuses.shift()
  if (status !== undefined) {
    response.writeHead(status).end()
    return
  }
  const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0)
  const isPart = manners.ranges && range !== undefined && ifRange === manners.etag
  const validators = manners.etag === null ? {} : { etag: manners.etag }
  if (isPart && from >= FILE.length) {
    response.writeHead(416, { "content-range": `bytes */${FILE.length}` }).end()
    return
  }
  const bytes = FILE.subarray(isPart ? from : 0)
  const part = isPart ? { "content-range": `bytes ${from}-${FILE.length - 1}/${FILE.length}` } : {}
  response.writeHead(isPart ? 206 : 200, { ...validators, ...part, "content-length": bytes.length })
  const end = manners.breaks.shift()
  if (end === undefined) response.end(bytes)
  else response.write(bytes.subarray(0, end), () => setTimeout(() => response.destroy(), 20))
}

beforeEach(async () => {
  Object.assign(manners, { etag: '"1"', ranges: true, breaks: [], statuses: [] })
  ranges.length = 0
  server = createServer(({ headers }, response) => {
    ranges.push(headers.range)
    answer(headers.range, headers["if-range"]?.toString(), response)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.safetensors`
})
afterEach(() => new Promise<void>((resolve) => void server.close(() => resolve())))

class Memory implements DownloadTarget {
  bytes = new Uint8Array(0)
  get size() {
    return this.bytes.length
  }
  write(bytes: Uint8Array, at: number) {
    const grown = new Uint8Array(Math.max(this.bytes.length, at + bytes.length))
    grown.set(this.bytes)
    grown.set(bytes, at)
    this.bytes = grown
  }
  truncate(size: number) {
    this.bytes = this.bytes.slice(0, size)
  }
}

async function run(target: Memory, options: DownloadOptions = {}) {
  const told: DownloadProgress[] = []
  const work = download(url, target, { backoff: 1, ...options })
  for (;;) {
    const next = await work.next()
    if (next.done === true) return { told, version: next.value }
    told.push(next.value)
  }
}

describe("download", () => {
  it("downloads a whole file and reports progress", async () => {
    const target = new Memory()
    const { told, version } = await run(target)
    expect(target.bytes).toEqual(FILE)
    expect(told.at(-1)).toEqual({ done: FILE.length, total: FILE.length })
    expect(version).toEqual({ validator: '"1"', total: FILE.length })
  })

  it("continues at the byte where the connection failed", async () => {
    manners.breaks = [100_000, 50_000]
    const target = new Memory()
    await run(target)
    expect(target.bytes).toEqual(FILE)
    expect(ranges).toEqual([undefined, "bytes=100000-", "bytes=150000-"])
  })

  it("continues the download of an earlier session", async () => {
    const target = new Memory()
    target.bytes = FILE.slice(0, 120_000)
    await run(target, { version: { validator: '"1"', total: FILE.length } })
    expect(target.bytes).toEqual(FILE)
    expect(ranges).toEqual(["bytes=120000-"])
  })

  it("downloads nothing when the target holds the whole file", async () => {
    const target = new Memory()
    target.bytes = FILE.slice()
    await run(target, { version: { validator: '"1"', total: null } })
    expect(target.bytes).toEqual(FILE)
  })

  it("starts again when the server has another version, and reports that version", async () => {
    const target = new Memory()
    target.bytes = new Uint8Array(FILE.length + 10).fill(1)
    const versions: FileVersion[] = []
    await run(target, {
      version: { validator: '"0"', total: null },
      onVersion: (version) => void versions.push(version),
    })
    expect(target.bytes).toEqual(FILE)
    expect(versions).toEqual([{ validator: '"1"', total: FILE.length }])
  })

  it("starts again at a server that cannot send parts, or sends no version", async () => {
    for (const changes of [{ ranges: false }, { etag: null }, { etag: 'W/"weak"' }]) {
      Object.assign(manners, { etag: '"1"', ranges: true, breaks: [100_000] }, changes)
      const target = new Memory()
      await run(target)
      expect(target.bytes).toEqual(FILE)
    }
  })

  it("tries again when the server is busy, and gives up without a byte in several attempts", async () => {
    manners.statuses = [503, 429]
    const target = new Memory()
    await run(target)
    expect(target.bytes).toEqual(FILE)
    manners.statuses = [503, 503, 503]
    await expect(run(new Memory(), { attempts: 3 })).rejects.toThrow("the connection failed 3 times in a row")
  })

  it("fails at once when the server refuses", async () => {
    manners.statuses = [404]
    await expect(run(new Memory())).rejects.toThrow("the server answered 404 Not Found. Check the address.")
    expect(ranges).toHaveLength(1)
  })

  it("stops with the signal's reason, and keeps the received bytes", async () => {
    manners.breaks = [100_000]
    const controller = new AbortController()
    const target = new Memory()
    const work = run(target, { signal: controller.signal, backoff: 60_000 })
    setTimeout(() => controller.abort(new Error("enough")), 300)
    await expect(work).rejects.toThrow("enough")
    expect(target.size).toBe(100_000)
  })
})
