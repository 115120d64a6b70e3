import { createConnection } from "node:net"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { endedJob, PNG, post, RECIPE, refusal, startJob, testServer } from "./test-server.ts"

/** Sends bytes as they are, and gives what comes until the connection ends. */
function sent(url: string, bytes: string, wait = 0): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = createConnection(Number(port), hostname)
    let text = ""
    socket.on("data", (piece) => {
      text += piece.toString("latin1")
    })
    socket.on("close", () => resolve(text))
    socket.on("error", () => resolve(text))
    socket.write(bytes, "latin1")
    if (wait > 0) setTimeout(() => socket.destroy(), wait)
  })
}

describe("the API", () => {
  it("describes itself in OpenAPI 3.1, with the schemas that it checks with", async () => {
    const { url } = await testServer()
    const document = (await (await fetch(`${url}/v1/openapi.json`)).json()) as {
      readonly openapi: string
      readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly requestBody?: unknown }>>>>
    }
    expect(document.openapi).toBe("3.1.0")
    expect(Object.entries(document.paths).map(([path, verbs]) => `${path} ${Object.keys(verbs)}`)).toEqual([
      "/v1/models get",
      "/v1/jobs post,get",
      "/v1/jobs/{id} get,delete",
      "/v1/jobs/{id}/events get",
      "/v1/jobs/{id}/cancel post",
      "/v1/files/{sha256} get",
      "/v1/files post",
    ])
    const body = JSON.stringify(document.paths["/v1/jobs"]?.post?.requestBody)
    for (const field of ["guidanceScale", "adapters", "euler", "dataset make", "dataset cache"])
      expect(body).toContain(field)
  })

  it("names the wrong field of a recipe", async () => {
    const { url } = await testServer()
    const ask = async (recipe: object): Promise<string> =>
      (await post(`${url}/v1/jobs`, { kind: "generate", recipes: [recipe] })).text()
    expect(await ask({ ...RECIPE, width: 60 })).toContain("body/recipes/0/width must be multiple of 8")
    expect(await ask({ ...RECIPE, stepz: 3 })).toContain("additional properties")
    expect(await ask({ ...RECIPE, hires: { factor: "two" } })).toContain("hires")
  })

  it("gives health without a key, and metrics with it", async () => {
    const { url } = await testServer({ host: "0.0.0.0", key: "k" })
    const local = url.replace("0.0.0.0", "127.0.0.1")
    expect((await fetch(`${local}/health`)).status).toBe(200)
    const refused = await fetch(`${local}/metrics`)
    expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, 'Basic realm="lllite"'])
    const metrics = await fetch(`${local}/metrics`, { headers: { authorization: "Bearer k" } })
    expect(await metrics.text()).toMatch(/lllite_jobs_waiting 0/)
  })

  it("does nothing for a page elsewhere", async () => {
    const { url } = await testServer()
    const body = { kind: "generate", recipes: [RECIPE] }
    expect(await refusal(post(`${url}/v1/jobs`, body, { origin: "http://evil.example" }))).toBe("403 origin")
    const plain = await fetch(`${url}/v1/jobs`, { method: "POST", body: JSON.stringify(body) })
    expect(plain.status).toBe(415)
    expect(await sent(url, "GET /v1/jobs HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")).toMatch(
      /403[\s\S]*"code":"host"/,
    )
    const { jobs } = (await (await fetch(`${url}/v1/jobs`)).json()) as { readonly jobs: readonly unknown[] }
    expect(jobs).toEqual([])
  })

  it("sends uploads so that a browser runs nothing in them", async () => {
    const { url } = await testServer()
    const page = await fetch(`${url}/v1/files`, { method: "POST", body: "<script>alert(1)</script>" })
    const { sha256 } = (await page.json()) as { readonly sha256: string }
    const { headers } = await fetch(`${url}/v1/files/${sha256}`)
    expect(headers.get("content-type")).toBe("application/octet-stream")
    expect(headers.get("content-disposition")).toMatch(/^attachment/)
    expect(headers.get("content-security-policy")).toContain("sandbox")
    for (const path of [
      "..",
      "../../etc/passwd",
      "%2e%2e%2fjobs",
      "unfinished",
      `${sha256}%00`,
      sha256.toUpperCase(),
    ]) {
      expect((await fetch(`${url}/v1/files/${path}`)).status, path).toBeGreaterThanOrEqual(400)
    }
  })

  it("has room for so many bytes", async () => {
    const { url } = await testServer({ limits: { storageBytes: 100 } })
    expect((await fetch(`${url}/v1/files`, { method: "POST", body: PNG })).status).toBe(201)
    expect(await refusal(fetch(`${url}/v1/files`, { method: "POST", body: Buffer.alloc(90) }))).toBe("507 storage")
  })

  it("ends slow requests and lives through lost connections", async () => {
    const { url } = await testServer({ limits: { requestSeconds: 1 } })
    const head = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    const slow = sent(url, `${head}Content-Length: 1000\r\n\r\n{"kind":`)
    for (const cut of [10, 60, head.length, head.length + 30]) {
      await sent(url, `${head}Content-Length: 1000\r\n\r\n{"kind": "generate"`.slice(0, cut), 20)
    }
    expect(await slow).toMatch(/^(HTTP\/1.1 408 .*"code":"request-time"|$)/s)
    expect((await endedJob(url, (await startJob(url)).id)).state).toBe("done")
  })

  it("answers what is not HTTP by an error with a code", async () => {
    const { url } = await testServer()
    const head = "GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\n"
    const codeOf = async (bytes: string): Promise<string> => {
      const answer = await sent(url, bytes)
      const body = JSON.parse(answer.split("\r\n\r\n")[1] ?? "") as { readonly error: { readonly code: string } }
      return `${answer.slice(9, 12)} ${body.error.code}`
    }
    expect(await codeOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")).toBe("400 body")
    expect(await codeOf(`${head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)).toBe("400 body")
    expect(await codeOf(`${head}X: a\r\n b\r\n\r\n`)).toBe("400 body")
    expect(await codeOf(`${head}X: ${"a".repeat(20_000)}\r\n\r\n`)).toBe("431 body-size")
    expect((await endedJob(url, (await startJob(url)).id)).state).toBe("done")
  })

  it("refuses 1,000 malformed bodies, and works on", async () => {
    const { url } = await testServer()
    const text = JSON.stringify({ kind: "generate", recipes: [RECIPE] })
    const cut = fc.nat(text.length - 1).map((length) => text.slice(0, length))
    const changed = fc
      .tuple(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 4 }))
      .map(([at, more]) => text.slice(0, at) + more + text.slice(at + 1))
    const shaped = fc.record({
      kind: fc.oneof(fc.constantFrom("generate", "train", "__proto__", "none"), fc.anything()),
      recipes: fc.anything(),
      options: fc.anything(),
    })
    const recipe = fc
      .tuple(fc.constantFrom(...Object.keys(RECIPE), "adapters", "start", "loras", "hires"), fc.jsonValue())
      .map(([key, value]) => JSON.stringify({ kind: "generate", recipes: [{ ...RECIPE, [key]: value }] }))
    const body = fc.oneof(
      cut,
      changed,
      fc.json(),
      recipe,
      shaped.map((value) => JSON.stringify(value) ?? ""),
    )
    await fc.assert(
      fc.asyncProperty(body, async (malformed) => {
        const answer = await post(`${url}/v1/jobs`, malformed)
        await answer.text()
        // A change may leave the body as it has to be.
        expect(answer.status === 202 || (answer.status >= 400 && answer.status < 500), malformed).toBe(true)
      }),
      { numRuns: 1000 },
    )
    expect((await endedJob(url, (await startJob(url)).id)).state).toBe("done")
  })
})
