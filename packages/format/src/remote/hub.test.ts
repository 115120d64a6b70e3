import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { FileServer } from "../../test/file-server.ts"
import { sendRange, startServer } from "../../test/file-server.ts"
import { smallLllite } from "../../test/lllite-file.ts"
import { readLllite } from "../lllite/read.ts"
import { parseHubReference, resolveHubFile } from "./hub.ts"
import { fromUrl } from "./url-source.ts"

describe("parseHubReference", () => {
  it.each([
    ["kohya-ss/controlnet-lllite", "kohya-ss/controlnet-lllite", "main", null],
    ["hf:a/b", "a/b", "main", null],
    ["a/b@v1.0", "a/b", "v1.0", null],
    ["a/b:x/canny β.safetensors", "a/b", "main", "x/canny β.safetensors"],
    ["a/b@refs/pr/1:c.safetensors", "a/b", "refs/pr/1", "c.safetensors"],
    ["https://huggingface.co/a/b", "a/b", "main", null],
    ["https://huggingface.co/a/b/blob/main/x/c%20d.safetensors?download=true", "a/b", "main", "x/c d.safetensors"],
    ["https://huggingface.co/a/b/resolve/refs%2Fpr%2F1/c.safetensors", "a/b", "refs/pr/1", "c.safetensors"],
    ["https://huggingface.co/kohya-ss/controlnet-lllite/tree/main", "kohya-ss/controlnet-lllite", "main", null],
    ["https://huggingface.co/kohya-ss/controlnet-lllite/", "kohya-ss/controlnet-lllite", "main", null],
    ["https://huggingface.co/ab/cd/blob/v1/ef.safetensors", "ab/cd", "v1", "ef.safetensors"],
  ])("reads %s", (text, repo, revision, file) => {
    expect(parseHubReference(text)).toEqual({ repo, revision, file })
  })

  it("reads pages of another Hub, also below a path", () => {
    for (const endpoint of ["https://mirror.example", "https://mirror.example/hub", "https://mirror.example/hub/"]) {
      const page = `${endpoint.replace(/\/$/, "")}/ab/cd/resolve/main/ef.safetensors`
      expect(parseHubReference(page, endpoint.replace(/\/$/, ""))).toEqual({
        ...{ repo: "ab/cd", revision: "main", file: "ef.safetensors" },
      })
    }
    expect(parseHubReference("https://huggingface.co/ab/cd", "https://mirror.example")).toBeNull()
  })

  it.each([
    "a",
    "a/b/c",
    "/a/b",
    "./a/b",
    "../b",
    "a/..",
    "a b/c",
    "a/b@",
    "a/b:",
    "a/b:../../x.safetensors",
    "https://example.com/a/b",
    "https://huggingface.co/datasets/a/b",
    "https://huggingface.co/a/b/commit/main",
    "https://huggingface.co/a",
    "https://huggingface.company/a/b",
    "C:\\a\\b",
    "@a/b",
    ":a/b",
    "",
  ])("does not take %j for one", (text) => {
    expect(parseHubReference(text)).toBeNull()
  })
})

describe("what a Hub is asked, and answers", () => {
  const reference = { repo: "a/b", revision: "refs/pr/1", file: null }
  const listed = async (answer: string, token?: string) => {
    const asked: { url: string; headers: Headers }[] = []
    const fetch = async (url: string, init: RequestInit): Promise<Response> => {
      asked.push({ url, headers: new Headers(init.headers) })
      return new Response(answer)
    }
    const file = await resolveHubFile(reference, { fetch, ...(token === undefined ? {} : { token }) }).catch(
      (error: unknown) => error,
    )
    return { file, asked }
  }

  it("is asked for a list as JSON, with a token if there is one", async () => {
    const list = JSON.stringify({ siblings: [{ rfilename: "x/canny.safetensors" }] })
    const { file, asked } = await listed(list)
    expect(asked.map(({ url }) => url)).toEqual(["https://huggingface.co/api/models/a/b/revision/refs%2Fpr%2F1"])
    expect(asked[0]?.headers.get("accept")).toBe("application/json")
    expect(asked[0]?.headers.get("authorization")).toBeNull()
    expect(file).toEqual({
      ...{ file: "x/canny.safetensors", headers: {} },
      url: "https://huggingface.co/a/b/resolve/refs%2Fpr%2F1/x/canny.safetensors",
    })
    expect((await listed(list, "hf")).asked[0]?.headers.get("authorization")).toBe("Bearer hf")
  })

  it.each(["", "a page", "null", "5", "[]", "{}", '{"siblings":5}', '{"siblings":null}'])(
    "is not a Hub where it answers %j",
    async (answer) => {
      const { file } = await listed(answer)
      expect(file).toMatchObject({
        ...{ code: "hub", source: "a/b@refs/pr/1" },
        message: expect.stringMatching(/expected a list of files from ".*refs%2Fpr%2F1"\. Is it a Hugging Face Hub\?$/),
      })
    },
  )

  it("has its files picked from a list that holds other things, too", async () => {
    const siblings = [null, 5, {}, { rfilename: 5 }, "a.safetensors", { rfilename: "b.safetensors" }]
    expect((await listed(JSON.stringify({ siblings }))).file).toMatchObject({ file: "b.safetensors" })
  })
})

describe("a Hub", () => {
  let cdn: FileServer
  let hub: FileServer
  const files: Record<string, string[]> = {
    "a/one": ["README.md", "canny β.safetensors"],
    "a/many": ["canny.safetensors", "depth.safetensors"],
    "a/sharded": [
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
      "model.safetensors.index.json",
    ],
    "a/none": ["pytorch_model.bin"],
    "a/indexes": ["one.safetensors.index.json", "two.safetensors.index.json", "one-1.safetensors"],
    "a/dozen": Array.from({ length: 12 }, (_, i) => `${i}.safetensors`),
  }

  beforeAll(async () => {
    const lllite = await smallLllite()
    cdn = await startServer((request, response) => sendRange(request, response, lllite, { etag: '"blob"' }))
    // Answers as the Hub: a list of files by revision, and a redirect to the address of a file's bytes.
    hub = await startServer((request, response) => {
      const url = request.url ?? ""
      const [, listed] = /^\/api\/models\/(.+)\/revision\/main$/.exec(url) ?? []
      if (request.headers.authorization !== "Bearer hf_token") response.writeHead(401).end()
      else if (listed !== undefined && files[listed] !== undefined) {
        response.setHeader("content-type", "application/json")
        response.end(JSON.stringify({ siblings: files[listed].map((rfilename) => ({ rfilename })) }))
      } else if (/^\/a\/\w+\/resolve\/main\/.+\.safetensors$/.test(url)) {
        response.writeHead(302, { location: `${cdn.origin}/blob`, "x-linked-size": lllite.byteLength }).end()
      } else response.writeHead(404).end()
    })
  })
  afterAll(async () => {
    await hub.close()
    await cdn.close()
  })

  const resolve = (text: string, token = "hf_token"): ReturnType<typeof resolveHubFile> => {
    const reference = parseHubReference(text)
    if (reference === null) throw new Error(`"${text}" is not a reference`)
    return resolveHubFile(reference, { endpoint: hub.origin, token, retryDelay: 1 })
  }

  it("gives the only file of a repository, at the address of a redirect", async () => {
    const { url, headers, file } = await resolve("a/one")
    expect([url, file]).toEqual([`${hub.origin}/a/one/resolve/main/canny%20%CE%B2.safetensors`, "canny β.safetensors"])
    const lllite = await readLllite(await fromUrl(url, { headers }))
    expect(lllite.sites.length).toBeGreaterThan(0)
    expect(cdn.served.every(({ authorization }) => authorization === undefined)).toBe(true)
  })

  it("gives the file named", async () => {
    expect((await resolve("a/many:depth.safetensors")).file).toBe("depth.safetensors")
  })

  it("prefers the index of a checkpoint in several files", async () => {
    expect((await resolve("a/sharded")).file).toBe("model.safetensors.index.json")
  })

  it("lists several indexes, and the first eight of many files", async () => {
    const reasonOf = (repo: string): Promise<string> =>
      resolveHubFile({ repo, revision: "main", file: null }, { endpoint: hub.origin, token: "hf_token" }).then(
        () => "it was found",
        (error: Error) => error.message,
      )
    expect(await reasonOf("a/indexes")).toContain(
      'it has 2 files to choose from. Name one: "a/indexes:one.safetensors.index.json", "a/indexes:two.safetensors.index.json"',
    )
    expect(await reasonOf("a/dozen")).toMatch(/it has 12 files .*"a\/dozen:7\.safetensors", and 4 more$/)
    expect(await reasonOf("a/none")).toContain("it has no .safetensors file")
  })

  it("lists the files if the reference names none", async () => {
    await expect(resolve("a/many")).rejects.toMatchObject({
      code: "hub",
      message: expect.stringMatching(
        /2 files to choose from.*"a\/many:canny.safetensors", "a\/many:depth.safetensors"$/,
      ),
    })
    await expect(resolve("a/none")).rejects.toMatchObject({
      code: "hub",
      message: expect.stringMatching(/no .safetensors file/),
    })
  })

  it("says what a protected repository needs", async () => {
    await expect(resolve("a/one", "wrong")).rejects.toMatchObject({
      code: "source-status",
      message: expect.stringMatching(/401.*token/),
    })
    await expect(resolve("a/missing")).rejects.toMatchObject({
      code: "source-status",
      message: expect.stringMatching(/404/),
    })
  })
})
