import { readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { ServeError } from "@lllite/serve"
import { describe, expect, it } from "vitest"
import { QUEUES, useRedis } from "./queues.ts"
import {
  endedJob,
  gate,
  PNG,
  post,
  RECIPE,
  refusal,
  startJob,
  testFolder,
  testRunner,
  testServer,
} from "./test-server.ts"

useRedis()

for (const { queue, options, open } of QUEUES) {
  describe(queue, options, () => {
    describe("jobs", () => {
      it("are accepted, run and give their files by hash", async () => {
        const { url } = await open()
        const { id, state } = await startJob(url)
        expect(state).toBe("queued")
        const job = await endedJob(url, id)
        expect(job).toMatchObject({ state: "done", attempts: 1, error: null, results: [{ name: "0.png", recipe: 0 }] })
        const answer = await fetch(`${url}/v1/files/${job.results[0]?.sha256}`)
        expect(answer.headers.get("content-type")).toBe("image/png")
        expect(Buffer.from(await answer.arrayBuffer()).subarray(0, PNG.length)).toEqual(PNG)
      })

      it("draw a seed that a request leaves out, and keep it", async () => {
        const seeds: unknown[] = []
        const { url } = await open({
          runner: testRunner(async ({ input }) => void seeds.push(input.recipes[0]?.seed)),
        })
        const { seed: _, ...rest } = RECIPE
        await endedJob(url, (await startJob(url, rest)).id)
        await endedJob(url, (await startJob(url, rest)).id)
        expect(new Set(seeds).size).toBe(2)
      })

      it("run in the order of their acceptance, of 100 requests at once", async () => {
        const seen: unknown[] = []
        const { url } = await open({
          runner: testRunner(async ({ input }) => void seen.push(input.recipes[0]?.seed)),
        })
        const jobs = await Promise.all(Array.from({ length: 100 }, (_, seed) => startJob(url, { ...RECIPE, seed })))
        const ended = await Promise.all(jobs.map(({ id }) => endedJob(url, id)))
        expect(ended.map(({ state }) => state)).toEqual(jobs.map(() => "done"))
        expect(new Set(ended.flatMap(({ results }) => results.map(({ sha256 }) => sha256))).size).toBe(100)
        expect([...seen].sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 100 }, (_, i) => i))
      })

      it("are cancelled while they wait and while they run", async () => {
        const started = gate()
        const { url } = await open({
          runner: testRunner(async ({ signal }) => {
            started.open()
            await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
          }),
        })
        const [first, second] = [await startJob(url), await startJob(url)]
        await started.opened
        for (const { id } of [second, first]) expect((await post(`${url}/v1/jobs/${id}/cancel`, {})).status).toBe(200)
        for (const { id } of [first, second])
          expect(await endedJob(url, id)).toMatchObject({ state: "cancelled", results: [] })
        expect(await refusal(post(`${url}/v1/jobs/${first.id}/cancel`, {}))).toBe("409 job-state")
        expect(await refusal(post(`${url}/v1/jobs/none/cancel`, {}))).toBe("404 job-unknown")
      })

      it("end when they take too long", async () => {
        const runner = testRunner(
          ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
        )
        const { url } = await open({ runner, limits: { jobSeconds: 0.05 } })
        const job = await endedJob(url, (await startJob(url)).id)
        expect(job).toMatchObject({ state: "failed", error: { code: "job-time" } })
      })

      it("are tried again after their worker has ended, and given up after three times", async () => {
        let lost = 2
        const runner = testRunner(async ({ input }) => {
          if (input.recipes[0]?.prompt === "poison" || lost-- > 0) throw new ServeError("worker-lost", "it ended.")
        })
        const { url } = await open({ runner })
        const job = await endedJob(url, (await startJob(url)).id)
        expect(job).toMatchObject({ state: "done", attempts: 3 })
        const poison = await endedJob(url, (await startJob(url, { ...RECIPE, prompt: "poison" })).id)
        expect(poison).toMatchObject({ state: "failed", attempts: 3, error: { code: "worker-lost" } })
      })

      it("tell clients nothing of a fault of the program", async () => {
        const lines: string[] = []
        const runner = testRunner(async () => {
          throw new TypeError("secret detail")
        })
        const { url } = await open({ runner, log: { write: (line) => void lines.push(line) } })
        const job = await endedJob(url, (await startJob(url)).id)
        expect(job).toMatchObject({ state: "failed", error: { code: "unexpected" } })
        expect(JSON.stringify(job)).not.toContain("secret")
        expect(lines.join("")).toContain("secret detail")
      })

      it("are refused beyond the limits, by name", async () => {
        const [started, hold] = [gate(), gate()]
        const { url } = await open({
          runner: testRunner(() => {
            started.open()
            return hold.opened
          }),
          limits: { queue: 2, pictures: 2, steps: 30, pixels: 128 * 128, bodyBytes: 20_000 },
        })
        const ask = (recipes: readonly object[]): Promise<string> =>
          refusal(post(`${url}/v1/jobs`, { kind: "generate", recipes }))
        expect(await ask([RECIPE, RECIPE, RECIPE])).toBe("400 limit")
        expect(await ask([{ ...RECIPE, steps: 31 }])).toBe("400 limit")
        expect(await ask([{ ...RECIPE, width: 512 }])).toBe("400 limit")
        expect(await ask([{ ...RECIPE, prompt: "a".repeat(20_000) }])).toBe("413 body-size")
        // One runs and two wait.
        await startJob(url)
        await started.opened
        for (let i = 0; i < 2; i++) await startJob(url)
        expect(await ask([RECIPE])).toBe("503 queue-full")
        hold.open()
      })

      it("name files that the server has, and no others", async () => {
        const { url, folder } = await open({
          library: {
            list: async (kind) =>
              kind === "checkpoint" ? [{ name: "xl/base.safetensors", path: "/models/base" }] : [],
          },
        })
        const ask = (model: object, more: object = {}): Promise<Response> =>
          post(`${url}/v1/jobs`, { kind: "generate", recipes: [{ ...RECIPE, model, ...more }] })
        for (const path of ["base", "base.safetensors", "xl/base", "xl\\base.safetensors", "base [0123456789]"]) {
          expect((await ask({ checkpoint: { path } })).status, path).toBe(202)
        }
        const hostile = [
          "../base",
          "/models/base",
          "/etc/passwd",
          "tiny\0",
          "https://example.org/x.safetensors",
          "hf:a/b",
          "a/b",
        ]
        for (const path of [...hostile, "file:///etc/passwd", `${folder}/jobs`, "xl/../xl/base"]) {
          expect(await refusal(ask({ checkpoint: { path } })), path).toBe("400 file-unknown")
          expect(await refusal(ask(RECIPE.model, { start: { image: { path } } })), path).toBe("400 file-unknown")
        }
      })

      it("take an uploaded picture by its hash", async () => {
        const pictures: Buffer[] = []
        const { url } = await open({
          runner: testRunner(
            async ({ input }) => void pictures.push(await readFile(input.recipes[0]?.start?.image.path ?? "")),
          ),
        })
        const upload = await fetch(`${url}/v1/files`, { method: "POST", body: PNG })
        const { sha256, type } = (await upload.json()) as { readonly sha256: string; readonly type: string }
        expect([upload.status, type]).toEqual([201, "image/png"])
        const { id } = await startJob(url, { ...RECIPE, start: { image: { path: "any", sha256 } } })
        expect((await endedJob(url, id)).state).toBe("done")
        expect(pictures).toEqual([PNG])
      })

      it("are forgotten with their files when there are too many", async () => {
        const { url, folder } = await open({ limits: { keptJobs: 3 } })
        for (let seed = 0; seed < 8; seed++) await endedJob(url, (await startJob(url, { ...RECIPE, seed })).id)
        const { jobs } = (await (await fetch(`${url}/v1/jobs`)).json()) as { readonly jobs: readonly unknown[] }
        expect(jobs.length).toBeLessThanOrEqual(4)
        const files = await readdir(join(folder, "contents"), { recursive: true, withFileTypes: true })
        expect(files.filter((file) => file.isFile()).length).toBeLessThanOrEqual(4)
        expect((await readdir(join(folder, "jobs"))).length).toBeLessThanOrEqual(4)
      })
    })

    describe("a server that starts again", () => {
      it("finishes what was accepted, and keeps what had ended", async () => {
        const folder = await testFolder()
        const started = gate()
        const first = await open({
          folder,
          limits: { stopSeconds: 0 },
          runner: testRunner(async ({ input, signal }) => {
            if (input.recipes[0]?.seed === 1) return
            started.open()
            await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
          }),
        })
        const done = await endedJob(first.url, (await startJob(first.url, { ...RECIPE, seed: 1 })).id)
        const waiting = await Promise.all([2, 3, 4].map((seed) => startJob(first.url, { ...RECIPE, seed })))
        await started.opened
        await first.close()
        const { url } = await open({ folder })
        expect((await endedJob(url, done.id)).results).toEqual(done.results)
        for (const { id } of waiting) expect(await endedJob(url, id)).toMatchObject({ state: "done", attempts: 1 })
      })
    })
  })
}

describe("a server that starts again", () => {
  it("gives up a job that ended it three times, and sets a broken file aside", async () => {
    const folder = await testFolder()
    const first = await testServer({ folder })
    const { id } = await startJob(first.url)
    await endedJob(first.url, id)
    await first.close()
    const path = join(folder, "jobs", `${id}.json`)
    const job = JSON.parse(await readFile(path, "utf8")) as object
    await writeFile(path, JSON.stringify({ ...job, state: "running", attempts: 3 }))
    await writeFile(join(folder, "jobs", "half.json"), '{"id": "ha')
    const { url } = await testServer({ folder })
    expect(await endedJob(url, id)).toMatchObject({ state: "failed", error: { code: "interrupted" } })
    expect(await readdir(join(folder, "jobs"))).toContain("half.json.broken")
  })
})
