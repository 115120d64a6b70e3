import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { blankImage, encodePng, writePng } from "@lllite/runtime-node"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { startRedis, type TestRedis, withRedis } from "../../../packages/serve/test/redis.ts"
import { endedJob, serve, startJob } from "./started-server.ts"

/* The built command as a server and its workers, with a real Redis that asks for a password. `turbo run build` comes first. */

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url))
const PASSWORD = "not-to-be-shown"

let folder = ""
let redis: TestRedis | null = null

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-work-test-"))
  await writeFile(join(folder, "password"), `${PASSWORD}\n`)
  if (!withRedis.skip) redis = await startRedis(PASSWORD)
})
afterAll(async () => {
  await redis?.close()
  await rm(folder, { recursive: true })
})

interface Working {
  readonly child: ChildProcess
  /** All that it has printed. */
  readonly printed: () => string
  /** Its exit code. */
  readonly ended: Promise<number | null>
  /** The first event of a name that has come or comes. */
  event(name: string): Promise<void>
}

/** Starts `lllite work`. It is killed after the test. */
async function work(url: string, ...args: readonly string[]): Promise<Working> {
  const child = spawn(process.execPath, [main, "work", "--redis", url, "--redis_password_file", "password", ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  })
  const lines: string[] = []
  const waiting = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line)
      for (const look of waiting) look()
    })
  }
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve))
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await ended
  })
  const event = (name: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!lines.some((line) => line.startsWith(`{"event":"${name}"`))) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
  await event("working")
  return { child, printed: () => lines.join("\n"), ended, event }
}

const picture = (seed: number, more: object = {}): object => ({
  kind: "generate",
  recipes: [
    {
      ...{ prompt: "a red star", seed, steps: 2, width: 64, height: 64 },
      model: { checkpoint: { path: "tiny" } },
      ...more,
    },
  ],
})
const long = (seed: number): object => picture(seed, { steps: 60 })

/** A server whose jobs workers take. */
function server(name: string, url: string, ...more: readonly string[]): ReturnType<typeof serve> {
  return serve(folder, "--folder", name, "--redis", url, "--redis_password_file", "password", ...more)
}

describe("lllite work", withRedis, () => {
  const place = (): string => redis?.url() ?? ""

  it("draws the pictures that the server draws itself, and never prints the password", async () => {
    const alone = await serve(folder, "--folder", "alone")
    const expected = await endedJob(alone.url, (await startJob(alone.url, picture(5))).id)
    const url = place()
    const { url: there } = await server("first", url)
    const worker = await work(url)
    const edges = encodePng(blankImage(64, 64, [200, 10, 10]))
    const upload = await fetch(`${there}/v1/files`, { method: "POST", body: new Uint8Array(edges) })
    const { sha256 } = (await upload.json()) as { readonly sha256: string }
    const plain = await startJob(there, picture(5))
    const started = await startJob(there, picture(6, { start: { image: { path: "edges.png", sha256 } } }))
    expect((await endedJob(there, plain.id)).results).toEqual(expected.results)
    expect(await endedJob(there, started.id)).toMatchObject({ state: "done", error: null })
    worker.child.kill("SIGINT")
    expect(await worker.ended).toBe(0)
    expect(worker.printed()).toContain("working")
    expect(worker.printed()).not.toContain(PASSWORD)
  })

  it("gives its job back at SIGTERM, and another takes a job whose worker was killed", async () => {
    const url = place()
    const { url: there } = await server("second", url)
    const [first, job] = [await work(url), await startJob(there, long(1))]
    await first.event("taken")
    first.child.kill("SIGTERM")
    const second = await work(url)
    // A fast machine may end the job in the moment that it has.
    expect(await first.ended).toBe(0)
    const other = await startJob(there, long(2))
    await second.event("taken")
    second.child.kill("SIGKILL")
    await second.ended
    await work(url)
    expect(await endedJob(there, job.id)).toMatchObject({ state: "done", error: null })
    expect(await endedJob(there, other.id)).toMatchObject({ state: "done", error: null })
  })

  it("loses no job when the server and Redis are killed", async () => {
    const url = place()
    const first = await server("third", url)
    const worker = await work(url, "--concurrency", "2")
    const jobs = await Promise.all([1, 2, 3, 4].map((seed) => startJob(first.url, picture(seed, { steps: 30 }))))
    await worker.event("taken")
    first.child.kill("SIGKILL")
    await first.ended
    await redis?.kill()
    await redis?.start()
    const { url: there } = await server("third", url)
    for (const { id } of jobs) expect(await endedJob(there, id)).toMatchObject({ state: "done", error: null })
  })

  it("runs commands in the data folder, and says what it lacks", async () => {
    await mkdir(join(folder, "data"))
    await writePng(join(folder, "data", "in.png"), blankImage(64, 64, [40, 20, 90]))
    const url = place()
    const { url: there } = await server("fourth", url, "--data_dir", "data")
    await work(url, "--data_dir", "data", "--jobs", "commands")
    const made = await endedJob(
      there,
      (await startJob(there, { kind: "preprocess", files: ["canny", "in.png", "out.png"] })).id,
    )
    expect(made).toMatchObject({ state: "done", results: [{ name: "out.png" }] })
    const missing = await endedJob(there, (await startJob(there, { kind: "inspect", files: ["none.safetensors"] })).id)
    expect(missing).toMatchObject({ state: "failed", error: { code: "command" } })
  })

  it.each([
    [["work", "--redis", "redis://127.0.0.1:1"], "Redis at redis://127.0.0.1:1 cannot be used"],
    [["work", "--redis", `http://u:${PASSWORD}@x`], "the address of Redis has another form than expected"],
    [["work", "--redis", "redis://x", "--jobs", "commands"], "--jobs commands needs the server's data folder"],
    [["work", "--redis", "redis://x", "--jobs", "pieces"], "--jobs pieces needs the store of the pieces"],
    [["serve", "--redis", `redis://:${PASSWORD}@x`, "--backend", "wasm"], "--backend has no effect with --redis"],
    [["serve", "--redis_password_file", "password"], "--redis_password_file has no effect without --redis"],
  ])("refuses %j, and shows no password", async (args, message) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] })
    let text = ""
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (more) => (text += more))
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(1)
    expect(text).toContain(message)
    expect(text).not.toContain(PASSWORD)
  })

  it("asks for the password that is missing", async () => {
    const args = [main, "work", "--redis", place()]
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] })
    let text = ""
    child.stderr.setEncoding("utf8").on("data", (more) => (text += more))
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(1)
    expect(text).toContain("it asks for a password. Give the password by --redis_password_file")
  })
})
