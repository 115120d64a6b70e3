import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { blankImage, writePng } from "@lllite/runtime-node"
import { afterAll, beforeAll, expect, it } from "vitest"
import { needs } from "../../../packages/format/test/needs.ts"
import { endedJob, serve, startJob } from "./started-server.ts"

/* The built command as a server of the embedded SDXL. `turbo run build` comes first. */

let folder = ""

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-serve-"))
})
afterAll(() => rm(folder, { recursive: true }))

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
  const done = await endedJob(first.url, (await startJob(first.url, picture(5))).id)
  expect(done).toMatchObject({ state: "done", error: null })
  const waiting = await Promise.all([6, 7, 5].map((seed) => startJob(first.url, picture(seed, 6))))
  // The process that draws is killed, and then the server.
  for (const pid of await childrenOf(first.child.pid)) process.kill(pid, "SIGKILL")
  const revived = await endedJob(first.url, (await startJob(first.url, picture(5))).id)
  expect(revived.results).toEqual(done.results)
  const last = await startJob(first.url, picture(8, 6))
  first.child.kill("SIGKILL")
  await first.ended
  const { url, child, ended: end } = await serve(folder, "--folder", "kept")
  for (const { id } of [...waiting, last]) expect(await endedJob(url, id)).toMatchObject({ state: "done" })
  expect((await endedJob(url, done.id)).results).toEqual(done.results)
  child.kill("SIGTERM")
  expect(await end).toBe(0)
})

it("runs commands in its data folder", async () => {
  await mkdir(join(folder, "data"))
  await writePng(join(folder, "data", "in.png"), blankImage(64, 64, [40, 20, 90]))
  const { url } = await serve(folder, "--folder", "other", "--data_dir", "data")
  const made = await endedJob(
    url,
    (await startJob(url, { kind: "preprocess", files: ["canny", "in.png", "out.png"] })).id,
  )
  expect(made).toMatchObject({ state: "done", results: [{ name: "out.png" }] })
  // Two pictures of one size, which train of themselves.
  for (const name of ["a", "b"]) {
    await writePng(join(folder, "data", "set", `${name}.png`), blankImage(64, 64, [40, 20, 90]))
    await writeFile(join(folder, "data", "set", `${name}.txt`), "a star")
  }
  const caches = {
    kind: "dataset cache",
    options: {
      ...{ pretrained_model_name_or_path: "tiny", train_data_dir: "set", conditioning_data_dir: "set" },
      ...{ resolution: "64", caption_extension: ".txt", backend: "wasm" },
    },
  }
  for (const files of [2, 0]) {
    const { state, error, results } = await endedJob(url, (await startJob(url, caches)).id)
    expect({ state, error }).toEqual({ state: "done", error: null })
    expect(results).toMatchObject([{ name: "report.json" }])
    const report = await (await fetch(`${url}/v1/files/${results[0]?.sha256}`)).json()
    expect(report).toEqual({ pictures: 2, latents: files, texts: files })
  }
  expect((await readdir(join(folder, "data", "set"))).filter((name) => name.endsWith(".npz"))).toHaveLength(4)
  const missing = await endedJob(url, (await startJob(url, { kind: "inspect", files: ["none.safetensors"] })).id)
  expect(missing).toMatchObject({ state: "failed", error: { code: "command" } })
})
