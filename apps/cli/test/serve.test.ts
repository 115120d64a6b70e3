import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { blankImage, writePng } from "@lllite/runtime-node"
import { afterAll, beforeAll, expect, it } from "vitest"
import { needs } from "../../../packages/format/test/needs.ts"
import { serve } from "./started-server.ts"

/* The built command as a server of the embedded SDXL. `turbo run build` comes first. */

let folder = ""

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-serve-"))
})
afterAll(() => rm(folder, { recursive: true }))

interface SeenJob {
  readonly id: string
  readonly state: string
  readonly attempts: number
  readonly results: readonly { readonly name: string; readonly sha256: string }[]
  readonly error: unknown
}

async function start(url: string, body: object): Promise<SeenJob> {
  const headers = { "content-type": "application/json" }
  const answer = await fetch(`${url}/v1/jobs`, { method: "POST", headers, body: JSON.stringify(body) })
  expect(answer.status, await answer.clone().text()).toBe(202)
  return (await answer.json()) as SeenJob
}

async function ended(url: string, id: string): Promise<SeenJob> {
  await (await fetch(`${url}/v1/jobs/${id}/events`)).text()
  return (await (await fetch(`${url}/v1/jobs/${id}`)).json()) as SeenJob
}

const picture = (seed: number, steps = 2): object => ({
  kind: "generate",
  recipes: [{ prompt: "a red star", seed, steps, width: 64, height: 64, model: { checkpoint: { path: "tiny" } } }],
})

/** The processes that a process has started, on Linux. */
async function childrenOf(pid: number | undefined): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")
  return text.trim().split(" ").filter(Boolean).map(Number)
}

const linux = needs("Linux, whose /proc lists processes", process.platform === "linux")

it("draws the pictures of the command, also after its worker and itself were killed", linux, async () => {
  const first = await serve(folder, "--folder", "kept")
  const done = await ended(first.url, (await start(first.url, picture(5))).id)
  expect(done).toMatchObject({ state: "done", error: null })
  const waiting = await Promise.all([6, 7, 5].map((seed) => start(first.url, picture(seed, 6))))
  // The process that draws is killed, and then the server.
  for (const pid of await childrenOf(first.child.pid)) process.kill(pid, "SIGKILL")
  const revived = await ended(first.url, (await start(first.url, picture(5))).id)
  expect(revived.results).toEqual(done.results)
  const last = await start(first.url, picture(8, 6))
  first.child.kill("SIGKILL")
  await first.ended
  const { url, child, ended: end } = await serve(folder, "--folder", "kept")
  for (const { id } of [...waiting, last]) expect(await ended(url, id)).toMatchObject({ state: "done" })
  expect((await ended(url, done.id)).results).toEqual(done.results)
  child.kill("SIGTERM")
  expect(await end).toBe(0)
})

it("runs commands in its data folder", async () => {
  await mkdir(join(folder, "data"))
  await writePng(join(folder, "data", "in.png"), blankImage(64, 64, [40, 20, 90]))
  const { url } = await serve(folder, "--folder", "other", "--data_dir", "data")
  const made = await ended(url, (await start(url, { kind: "preprocess", files: ["canny", "in.png", "out.png"] })).id)
  expect(made).toMatchObject({ state: "done", results: [{ name: "out.png" }] })
  const missing = await ended(url, (await start(url, { kind: "inspect", files: ["none.safetensors"] })).id)
  expect(missing).toMatchObject({ state: "failed", error: { code: "command" } })
})
