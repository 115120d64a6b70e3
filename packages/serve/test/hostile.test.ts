import { createConnection } from "node:net"
import { join } from "node:path"
import { expect, it, onTestFinished } from "vitest"
import WebSocket from "ws"
import { endedJob, gate, PNG, startJob, testFolder, testRunner, testServer } from "./test-server.ts"
import { attack, layBait } from "./under-attack.ts"

const models = ["canny.safetensors"]
const library = {
  list: async (kind: string) => (kind === "adapter" ? models.map((name) => ({ name, path: `/m/${name}` })) : []),
}

it("answers 400 hostile requests of every route by a refusal, reaches nothing, and works on", async () => {
  const folder = await testFolder()
  const bait = await layBait(join(folder, "outside"))
  onTestFinished(() => bait.close())
  const { url } = await testServer({ folder: join(folder, "server"), library, limits: { queue: 10_000 } })
  const { wrong, fetched, answers } = await attack(url, { seed: 22, count: 400, bait })
  expect(wrong).toEqual([])
  expect(fetched).toBe(0)
  expect(Object.keys(answers).length).toBe(10)
  expect((await endedJob(url, (await startJob(url)).id)).state).toBe("done")
})

it("lives through clients that leave at every stage of a request, over every API", async () => {
  const { url } = await testServer({ library })
  const { hostname, port } = new URL(url)
  const body = JSON.stringify({ prompt: "a star", width: 64, height: 64, seed: 1 })
  const head = (path: string, type: string, length: number): string =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`
  const form = '--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\nabc'
  const requests = [
    `${head("/sdapi/v1/txt2img", "application/json", body.length)}${body}`,
    `${head("/prompt", "application/json", body.length)}${body}`,
    `${head("/upload/image", "multipart/form-data; boundary=x", form.length + 100)}${form}`,
    `${head("/v1/files", "image/png", 100)}abc`,
    "GET /ws?clientId=a HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\u0081",
    "GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n",
  ]
  for (const request of requests) {
    // The last one leaves when all is sent, and before the answer.
    for (const part of [0.1, 0.5, 0.9, 0.99, 1]) {
      await new Promise<void>((resolve) => {
        const socket = createConnection(Number(port), hostname)
        socket.on("error", () => {})
        socket.on("close", () => resolve())
        socket.write(request.slice(0, Math.ceil(part * request.length)), "latin1", () => {
          setTimeout(() => socket.resetAndDestroy(), 5)
        })
      })
    }
  }
  expect((await endedJob(url, (await startJob(url)).id)).state).toBe("done")
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toMatch(/lllite_jobs_waiting 0/)
})

it("finishes jobs whose clients leave while they wait, watch or load", async () => {
  const [started, hold] = [gate(), gate()]
  const runner = testRunner(async ({ report }) => {
    report({ type: "progress", phase: "generate", done: 0.5, count: 1, step: 1, steps: 2 })
    started.open()
    await hold.opened
    report({ type: "preview", png: PNG })
  })
  const { url } = await testServer({ runner, library, previews: true })
  const leaving = new AbortController()
  const { signal } = leaving
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws?clientId=a`)
  await new Promise((resolve) => socket.once("message", resolve))
  const body = JSON.stringify({ prompt: "a star", width: 64, height: 64, seed: 1 })
  const headers = { "content-type": "application/json" }
  const drawn = fetch(`${url}/sdapi/v1/txt2img`, { method: "POST", headers, body, signal })
  await started.opened
  const { jobs } = (await (await fetch(`${url}/v1/jobs`)).json()) as {
    readonly jobs: readonly { readonly id: string }[]
  }
  const id = jobs[0]?.id ?? ""
  const events = await fetch(`${url}/v1/jobs/${id}/events`, { signal })
  await events.body?.getReader().read()
  socket.terminate()
  leaving.abort()
  await expect(drawn).rejects.toThrow()
  hold.open()
  const job = await endedJob(url, id)
  expect(job).toMatchObject({ state: "done", results: [{ recipe: 0 }] })
  const partly = await fetch(`${url}/v1/files/${job.results[0]?.sha256}`)
  await partly.body?.cancel()
  expect((await endedJob(url, (await startJob(url)).id)).state).toBe("done")
})

it("opens WebSockets at the routes that have one, and at no others", async () => {
  const { url } = await testServer({ library })
  const opened = (path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url.replace("http", "ws") + path)
      socket.once("open", () => {
        socket.terminate()
        resolve(101)
      })
      socket.once("unexpected-response", (_, { statusCode = 0 }) => {
        socket.terminate()
        resolve(statusCode)
      })
      socket.once("error", reject)
    })
  expect(await Promise.all(["/ws", "/api/ws?clientId=a"].map(opened))).toEqual([101, 101])
  expect(await Promise.all(["/health", "/v1/jobs", "/prompt", "/none"].map(opened))).toEqual([404, 404, 404, 404])
})

it("refuses bodies over the limit over every API", async () => {
  const { url } = await testServer({ limits: { bodyBytes: 10_000 } })
  const large = "x".repeat(200_000)
  for (const path of ["/v1/jobs", "/prompt", "/sdapi/v1/txt2img", "/controlnet/detect"]) {
    const headers = { "content-type": "application/json" }
    const answer = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify({ prompt: large }) })
    expect(answer.status, path).toBe(413)
    expect(await answer.text()).toContain("--max_body_mb")
  }
  expect((await fetch(`${url}/v1/files`, { method: "POST", body: large })).status).toBe(413)
  const form = new FormData()
  form.set("image", new Blob([large]), "a.png")
  expect((await fetch(`${url}/upload/image`, { method: "POST", body: form })).status).toBe(413)
})
