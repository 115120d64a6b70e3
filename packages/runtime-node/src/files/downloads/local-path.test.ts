import { createHash } from "node:crypto"
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { listDownloads, purgeDownloads } from "./download-cache.ts"
import { type LocalPathOptions, localPath } from "./local-path.ts"

const bytes = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff))
const sha256 = createHash("sha256").update(bytes).digest("hex")

type Handler = (request: IncomingMessage, response: ServerResponse) => void

let folder = ""
let servers: Server[] = []
let asked: { readonly path: string; readonly range: string; readonly token: string }[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-downloads-"))
})
afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
  servers = []
  asked = []
  await rm(folder, { recursive: true, force: true })
})

async function serve(handle: Handler): Promise<string> {
  const server = createServer((request, response) => {
    const { range = "", authorization: token = "" } = request.headers
    asked.push({ path: request.url ?? "", range, token })
    handle(request, response)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Sends the file as a server with ranges does. @param cut bytes after which the connection breaks */
function send(
  request: IncomingMessage,
  response: ServerResponse,
  { body = bytes, etag = '"one"', cut }: { body?: Uint8Array; etag?: string | null; cut?: number | undefined } = {},
): void {
  const [, from = "0", to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? []
  const start = Number(from)
  const part = body.subarray(start, to ? Number(to) + 1 : body.byteLength)
  response.writeHead(206, {
    "content-length": part.byteLength,
    "content-range": `bytes ${start}-${start + part.byteLength - 1}/${body.byteLength}`,
    ...(etag === null ? {} : { etag }),
  })
  if (cut === undefined || part.byteLength === 1) response.end(part)
  else response.write(part.subarray(0, cut), () => response.destroy())
}

function get(text: string, options: LocalPathOptions = {}): Promise<string> {
  return localPath(text, { folder, retryDelay: 1, environment: {}, ...options })
}

const ranges = (): string[] => asked.map(({ range }) => range)
const names = async (): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true })).filter((e) => e.isFile()).map(({ name }) => name)

describe("localPath", () => {
  it("leaves paths alone", async () => {
    for (const text of ["tiny", "models/a.safetensors", folder]) expect(await get(text)).toBe(text)
  })

  it("downloads an address once, and says how far it is", async () => {
    const origin = await serve(send)
    const steps: [number, number | null][] = []
    const path = await get(`${origin}/a/canny%20β.safetensors?token=secret`, {
      onProgress: (_, done, size) => void steps.push([done, size]),
    })
    expect(basename(path)).toBe("canny β.safetensors")
    expect((await readFile(path)).equals(bytes)).toBe(true)
    expect(steps.at(-1)).toEqual([bytes.byteLength, bytes.byteLength])
    asked = []
    expect(await get(`${origin}/a/canny%20β.safetensors?token=secret`)).toBe(path)
    expect(ranges()).toEqual(["bytes=0-0"])
    const [file, ...others] = await listDownloads(folder)
    expect(others).toEqual([])
    expect(file).toMatchObject({ path, sha256, size: bytes.byteLength, tag: "one" })
    expect(await readFile(`${path}.download.json`, "utf8")).not.toContain("secret")
  })

  it("continues after a connection that breaks", async () => {
    const origin = await serve((request, response) => send(request, response, { cut: 70_000 }))
    const path = await get(`${origin}/a.safetensors`)
    expect((await readFile(path)).equals(bytes)).toBe(true)
    const starts = ranges().map((range) => Number(range.slice(6).split("-")[0]))
    expect(starts.length).toBeGreaterThan(3)
    expect(starts).toEqual(starts.toSorted((a, b) => a - b))
  })

  it("continues a part that an earlier run has left, and gives up after several breaks without a byte", async () => {
    let isBroken = true
    const origin = await serve((request, response) => {
      const [, start] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? []
      const cut = start === "0" ? 70_000 : 0
      if (isBroken && start !== undefined) send(request, response, { cut })
      else send(request, response)
    })
    const failed = await get(`${origin}/a.safetensors`).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: "source-short-read" })
    expect(await names()).toEqual(["a.safetensors.part"])
    isBroken = false
    asked = []
    const path = await get(`${origin}/a.safetensors`)
    expect((await readFile(path)).equals(bytes)).toBe(true)
    expect(Number(ranges()[1]?.slice(6, -1))).toBeGreaterThan(0)
    expect(await names()).toEqual(["a.safetensors", "a.safetensors.download.json"])
  })

  it("leaves the part when it is aborted", async () => {
    const origin = await serve(send)
    const controller = new AbortController()
    const stopping = get(`${origin}/a.safetensors`, {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error("enough")),
    })
    await expect(stopping).rejects.toThrow("enough")
    expect(await names()).toEqual(["a.safetensors.part"])
  })

  it("takes the part of a process that has ended, and not that of one that runs", async () => {
    const origin = await serve(send)
    const path = await get(`${origin}/a.safetensors`)
    await purgeDownloads(["a.safetensors"], folder)
    const { MACHINE } = await import("../temporary-file.ts")
    const running = `${path}.${MACHINE}-${process.pid}-0123456789ab.part`
    await writeFile(running, "x")
    // No system has so many processes.
    await writeFile(`${path}.${MACHINE}-2000000000-0123456789ab.part`, bytes.subarray(0, 1000))
    asked = []
    await get(`${origin}/a.safetensors`)
    expect(ranges()).toEqual(["bytes=0-0", "bytes=1000-"])
    expect(await readFile(running, "utf8")).toBe("x")
  })

  it("lets several runs download one file at once", async () => {
    const origin = await serve(send)
    const paths = await Promise.all([1, 2, 3].map(() => get(`${origin}/a.safetensors`)))
    expect(new Set(paths).size).toBe(1)
    for (const path of paths) expect((await readFile(path)).equals(bytes)).toBe(true)
    expect(await names()).toEqual(["a.safetensors", "a.safetensors.download.json"])
  })

  it("downloads a file again when its ETag has changed", async () => {
    let now = { body: bytes, etag: '"one"' }
    const origin = await serve((request, response) => send(request, response, now))
    const first = await get(`${origin}/a.safetensors`)
    const body = bytes.map((byte) => byte ^ 1)
    now = { body: Buffer.from(body), etag: 'W/"two"' }
    const second = await get(`${origin}/a.safetensors`)
    expect(second).not.toBe(first)
    expect((await readFile(second)).equals(body)).toBe(true)
    expect(await get(`${origin}/a.safetensors`, { offline: true })).toBe(second)
  })

  it("refuses a file that changes during the download, and never continues without an ETag", async () => {
    let count = 0
    const changing = await serve((request, response) => send(request, response, { etag: `"${count++}"` }))
    await expect(get(`${changing}/a.safetensors`)).rejects.toMatchObject({ code: "source-changed" })
    const plain = await serve((request, response) => send(request, response, { etag: null }))
    const path = await get(`${plain}/b.safetensors`)
    await writeFile(`${path}.part`, "wrong")
    expect(await readFile(await get(`${plain}/b.safetensors`))).toEqual(bytes)
  })

  it("takes a whole file from a server without ranges", async () => {
    let cut = true
    const origin = await serve((request, response) => {
      const isFirst = request.headers.range === "bytes=0-0"
      response.writeHead(200, { "content-length": bytes.byteLength, etag: '"one"' })
      if (isFirst || !cut) response.end(bytes)
      else response.write(bytes.subarray(0, 50_000), () => response.destroy())
      if (!isFirst) cut = false
    })
    expect(await readFile(await get(`${origin}/a.safetensors`))).toEqual(bytes)
  })

  it("refuses more bytes than the server stated", async () => {
    const origin = await serve((request, response) => {
      if (request.headers.range === "bytes=0-0") send(request, response)
      else {
        response.writeHead(206, { "content-range": `bytes 0-199999/${bytes.byteLength}`, etag: '"one"' })
        response.write(bytes)
        response.end("more")
      }
    })
    await expect(get(`${origin}/a.safetensors`)).rejects.toMatchObject({ code: "download" })
    expect(await names()).toEqual([])
  })

  it("names what is missing, and the variable for a token", async () => {
    const origin = await serve((request, response) => {
      response.writeHead(request.url === "/none" ? 404 : 401).end()
    })
    await expect(get(`${origin}/none`)).rejects.toThrow(/404.*Check the address/)
    const refused = await get(`${origin.replace("//", "//me:secret@")}/closed`).catch(String)
    expect(refused).toMatch(/401.*HF_TOKEN/)
    expect(refused).not.toMatch(/secret/)
  })
})

describe("localPath on a Hub", () => {
  const environment = (origin: string): Record<string, string> => ({ HF_ENDPOINT: origin, HF_TOKEN: "hf_secret" })

  /** A Hub whose files lie on another server. */
  async function startHub(stated: string = sha256): Promise<string> {
    const cdn = await serve((request, response) => send(request, response, { etag: '"of the storage"' }))
    return serve((request, response) => {
      if (request.url === "/api/models/owner/name/revision/main") {
        response.end(JSON.stringify({ siblings: [{ rfilename: "canny.safetensors" }] }))
        return
      }
      const headers = { "x-linked-etag": `"${stated}"`, "x-linked-size": bytes.byteLength, "x-repo-commit": "0123" }
      response.writeHead(302, { location: `${cdn}/signed?until=later`, ...headers }).end()
    })
  }

  it("follows the redirect without the token, and checks the SHA-256", async () => {
    const hub = await startHub()
    const path = await get("owner/name", { environment: environment(hub) })
    expect(basename(path)).toBe("canny.safetensors")
    expect((await readFile(path)).equals(bytes)).toBe(true)
    const tokens = asked.filter(({ path }) => path.startsWith("/signed")).map(({ token }) => token)
    expect(tokens).toEqual(["", ""])
    expect(asked[0]?.token).toBe("Bearer hf_secret")
    expect(await listDownloads(folder)).toMatchObject([{ tag: sha256, sha256 }])
  })

  /** A repository as huggingface_hub keeps it. */
  async function keepInHubCache(blob: string, contents: Uint8Array = bytes): Promise<string> {
    const repository = join(folder, "hf", "hub", "models--owner--name")
    const snapshot = join(repository, "snapshots", "0123")
    for (const path of [join(repository, "blobs"), join(repository, "refs"), snapshot]) {
      await mkdir(path, { recursive: true })
    }
    await writeFile(join(repository, "refs", "main"), "0123")
    await writeFile(join(repository, "blobs", blob), contents)
    await symlink(join("..", "..", "blobs", blob), join(snapshot, "canny.safetensors"))
    return join(snapshot, "canny.safetensors")
  }

  it("takes a file out of huggingface_hub's cache, if it is the same version", async () => {
    const hub = await startHub()
    const own = { ...environment(hub), HF_HOME: join(folder, "hf") }
    const kept = await keepInHubCache(sha256)
    for (const name of [
      "owner/name",
      "owner/name:canny.safetensors",
      `${hub}/owner/name/blob/main/canny.safetensors`,
    ]) {
      expect(await get(name, { environment: own })).toBe(kept)
    }
    expect(ranges().filter((range) => range !== "" && range !== "bytes=0-0")).toEqual([])
    asked = []
    const offline = { ...own, HF_HUB_OFFLINE: "1" }
    expect(await get("owner/name", { environment: offline })).toBe(kept)
    expect(await get("owner/name@0123:canny.safetensors", { environment: offline })).toBe(kept)
    await expect(get("owner/name@../refs", { environment: offline })).rejects.toMatchObject({ code: "offline" })
    expect(asked).toEqual([])
    const elsewhere = { ...environment(hub), HF_HUB_CACHE: join(folder, "hf", "hub") }
    expect(await get("owner/name", { environment: elsewhere })).toBe(kept)
  })

  it("downloads anew where huggingface_hub's cache has another version, or not all bytes", async () => {
    const hub = await startHub()
    const own = { ...environment(hub), HF_HOME: join(folder, "hf") }
    const kept = await keepInHubCache("0".repeat(64))
    const path = await get("owner/name", { environment: own })
    expect(path).not.toBe(kept)
    expect((await readFile(path)).equals(bytes)).toBe(true)
    await rm(join(folder, "hf"), { recursive: true })
    await keepInHubCache(sha256, bytes.subarray(0, 100))
    expect(await get("owner/name", { environment: own })).toBe(path)
  })

  it("reads the token that hf auth login has written, and no file with something else", async () => {
    const hub = await startHub()
    const own = { HF_ENDPOINT: hub, HF_HOME: join(folder, "hf") }
    const tokens = async (more: Record<string, string> = {}): Promise<string | undefined> => {
      asked = []
      await get("owner/name", { environment: { ...own, ...more } })
      return asked[0]?.token
    }
    expect(await tokens()).toBe("")
    await mkdir(join(folder, "hf"), { recursive: true })
    await writeFile(join(folder, "hf", "token"), "hf_kept\n")
    expect(await tokens()).toBe("Bearer hf_kept")
    expect(await tokens({ HF_TOKEN: "hf_named" })).toBe("Bearer hf_named")
    expect(await tokens({ HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" })).toBe("")
    await writeFile(join(folder, "hf", "token"), "two words\n")
    expect(await tokens()).toBe("")
  })

  it("removes a download with another SHA-256", async () => {
    const hub = await startHub("0".repeat(64))
    const wrong = await get("owner/name:canny.safetensors", { environment: environment(hub) }).catch((e: unknown) => e)
    expect(wrong).toMatchObject({ code: "download", message: expect.stringContaining(sha256) })
    expect(await names()).toEqual([])
  })

  it("uses the cache alone when it is offline", async () => {
    const hub = await startHub()
    const offline = { ...environment(hub), HF_HUB_OFFLINE: "1" }
    await expect(get("owner/name", { environment: offline })).rejects.toMatchObject({ code: "offline" })
    const path = await get("owner/name", { environment: environment(hub) })
    asked = []
    expect(await get("owner/name", { environment: offline })).toBe(path)
    expect(await get("hf:owner/name:canny.safetensors", { environment: offline })).toBe(path)
    await expect(get("owner/name@v2", { environment: offline })).rejects.toMatchObject({ code: "offline" })
    expect(asked).toEqual([])
  })

  it("downloads the files of an index beside it", async () => {
    const index = Buffer.from(JSON.stringify({ weight_map: { a: "m-1.safetensors", b: "../m-2.safetensors" } }))
    const origin = await serve((request, response) => {
      const body = request.url?.endsWith(".json") === true ? index : bytes
      send(request, response, { body })
    })
    const path = await get(`${origin}/x/m.safetensors.index.json`)
    expect((await readFile(join(dirname(path), "m-1.safetensors"))).equals(bytes)).toBe(true)
    expect(asked.map(({ path }) => path)).not.toContain("/m-2.safetensors")
    await rm(join(dirname(path), "m-1.safetensors"))
    await get(`${origin}/x/m.safetensors.index.json`)
    expect((await readFile(join(dirname(path), "m-1.safetensors"))).equals(bytes)).toBe(true)
  })
})

describe("purgeDownloads", () => {
  it("removes the files whose address has a word, or all", async () => {
    const origin = await serve(send)
    await get(`${origin}/a.safetensors`)
    await get(`${origin}/b.safetensors`)
    expect(await purgeDownloads(["/a."], folder)).toHaveLength(1)
    expect((await listDownloads(folder)).map(({ path }) => basename(path))).toEqual(["b.safetensors"])
    expect(await purgeDownloads([], folder)).toHaveLength(1)
    expect(await listDownloads(folder)).toEqual([])
    expect(await purgeDownloads([], folder)).toEqual([])
  })

  it("refuses an empty word, which every address has, and removes nothing", async () => {
    const origin = await serve(send)
    await get(`${origin}/a.safetensors`)
    await expect(purgeDownloads(["nothing", ""], folder)).rejects.toThrow(
      "a word is empty, expected a part of an address",
    )
    expect(await listDownloads(folder)).toHaveLength(1)
  })
})
