import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { serializeSafetensors } from "@lllite/format/write"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { openLocation } from "./open-location.ts"

const tensors = (...names: readonly string[]): Uint8Array =>
  serializeSafetensors(new Map(names.map((name) => [name, { dtype: "U8", shape: [1], bytes: Uint8Array.of(1) }])))

let folder = ""
let server: Server
let origin = ""
const asked: string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-location-"))
  await writeFile(join(folder, "canny β.safetensors"), tensors("a"))
  await writeFile(join(folder, "one-00001-of-00002.safetensors"), tensors("a"))
  await writeFile(join(folder, "one-00002-of-00002.safetensors"), tensors("b"))
  const map = { a: "one-00001-of-00002.safetensors", b: "one-00002-of-00002.safetensors" }
  await writeFile(join(folder, "one.safetensors.index.json"), JSON.stringify({ weight_map: map }))
  await mkdir(join(folder, "empty"))
  // A server of the folder, and a Hub whose one repository is the folder.
  server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://x").pathname)
    asked.push(`${path} ${request.headers.authorization ?? ""}`.trim())
    if (path === "/api/models/owner/name/revision/v1") {
      response.end(JSON.stringify({ siblings: [{ rfilename: "canny β.safetensors" }] }))
      return
    }
    const file = path.replace("/owner/name/resolve/v1/", "/")
    const bytes = await readFile(join(folder, file)).catch(() => null)
    if (bytes === null) response.writeHead(404).end()
    else {
      response.writeHead(200, { "content-length": bytes.byteLength })
      response.end(bytes)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await rm(folder, { recursive: true })
})

async function names(text: string, environment: Record<string, string> = {}): Promise<string[]> {
  const { file, close } = await openLocation(text, { environment })
  await close()
  return [...file.tensors.keys()]
}

describe("openLocation", () => {
  it("opens a path", async () => {
    expect(await names(join(folder, "canny β.safetensors"))).toEqual(["a"])
  })

  it("opens an address", async () => {
    expect(await names(`${origin}/canny%20β.safetensors?x=1`)).toEqual(["a"])
  })

  it("opens a checkpoint in several files, here and on the web", async () => {
    expect(await names(join(folder, "one.safetensors.index.json"))).toEqual(["a", "b"])
    expect(await names(`${origin}/one.safetensors.index.json`)).toEqual(["a", "b"])
  })

  it("opens a file on a Hub, with the token that the environment has", async () => {
    const environment = { HF_ENDPOINT: `${origin}/`, HF_TOKEN: "hf_x" }
    for (const text of ["owner/name@v1", "hf:owner/name@v1", "owner/name@v1:canny β.safetensors"]) {
      asked.length = 0
      expect(await names(text, environment)).toEqual(["a"])
      expect(asked.at(-1)).toBe("/owner/name/resolve/v1/canny β.safetensors Bearer hf_x")
    }
    const page = `${origin}/owner/name/blob/v1/canny%20%CE%B2.safetensors`
    expect(await names(page, environment)).toEqual(["a"])
  })

  it("does not look on a Hub for a text that is a path", async () => {
    asked.length = 0
    const environment = { HF_ENDPOINT: origin }
    for (const text of [
      "models/canny.safetensors",
      "./owner/name",
      join(folder, "none"),
      "model.ckpt",
      "packages/none",
    ]) {
      await expect(openLocation(text, { environment })).rejects.toThrow(/there is no such file or folder/)
    }
    expect(asked).toEqual([])
  })

  it("reads nothing on the web where HF_HUB_OFFLINE is set", async () => {
    asked.length = 0
    const environment = { HF_ENDPOINT: origin, HF_HUB_OFFLINE: "1" }
    for (const text of ["owner/name", "hf:owner/name", `${origin}/x.safetensors?key=secret`]) {
      const refused = await openLocation(text, { environment }).catch((error: unknown) => error)
      expect(refused).toMatchObject({ code: "offline", message: expect.stringContaining("Leave out HF_HUB_OFFLINE") })
      expect(String(refused)).not.toContain("secret")
    }
    expect(asked).toEqual([])
    expect(await names(join(folder, "canny β.safetensors"), environment)).toEqual(["a"])
  })

  it("shows the form of a repository's name when it is wrong", async () => {
    await expect(openLocation("hf:name")).rejects.toThrow(/expected hf:owner\/name/)
  })

  it("refuses a folder, and a checkpoint one of whose files is missing", async () => {
    await expect(openLocation(join(folder, "empty"))).rejects.toThrow(/it is a folder/)
    await rm(join(folder, "one-00002-of-00002.safetensors"))
    await expect(openLocation(join(folder, "one.safetensors.index.json"))).rejects.toThrow(/00002.*no such file/)
  })
})
