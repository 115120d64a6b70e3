import type { ChildProcess } from "node:child_process"
import { execFile, spawn } from "node:child_process"
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { writePng } from "@lllite/runtime-node"
import { captionOf, drawScene, makeScene } from "@lllite/tiny"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"

import { startRedis, type TestRedis, withRedis } from "../../../packages/serve/test/redis.ts"
import { S3_SECRET, startS3, withS3 } from "../../../packages/serve/test/stores.ts"
import { endedJob, serve, startJob } from "./started-server.ts"

/* A data set that workers make, with the built command and a real Redis that asks for a password. `turbo run build` comes first. */

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url))
const PASSWORD = "not-to-be-shown"

let folder = ""
let redis: TestRedis | null = null
const at = (...names: readonly string[]): string => join(folder, ...names)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-fan-out-"))
  if (!withRedis.skip) redis = await startRedis(PASSWORD)
  for (let i = 0; i < 8; i++) {
    await writePng(at("photos", `${i}.png`), drawScene(makeScene(4, i)))
    await writeFile(at("photos", `${i}.txt`), captionOf(makeScene(4, i)))
  }
})
afterAll(async () => {
  await redis?.close()
  await rm(folder, { recursive: true })
})

interface Run {
  readonly status: number
  readonly text: string
  readonly events: readonly Readonly<Record<string, unknown>>[]
}

type Environment = Readonly<Record<string, string>>
const SECRET: Environment = { LLLITE_REDIS_PASSWORD: PASSWORD }

/** Runs the command to its end. No run prints a password or a key. */
async function run(args: readonly string[], environment: Environment = {}): Promise<Run> {
  const env = { ...process.env, ...SECRET, ...environment }
  const { status, stdout, stderr } = await new Promise<{ status: number; stdout: string; stderr: string }>(
    (resolve) => {
      execFile(process.execPath, [main, ...args], { cwd: folder, env }, (error, stdout, stderr) =>
        resolve({ status: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
      )
    },
  )
  for (const secret of [PASSWORD, S3_SECRET]) expect(stdout + stderr).not.toContain(secret)
  const lines = stdout.split("\n").filter((line) => line.startsWith('{"event"'))
  return { status, text: stdout + stderr, events: lines.map((line) => JSON.parse(line)) }
}

const done = ({ events }: Run): unknown => events.find(({ event }) => event === "done")

interface Working {
  readonly child: ChildProcess
  readonly ended: Promise<unknown>
  /** How many pieces it has begun. */
  readonly taken: () => number
}

/** Starts `lllite work`. It is killed after the test. */
async function work(args: readonly string[], environment: Environment = {}): Promise<Working> {
  const child = spawn(process.execPath, [main, "work", ...args], {
    ...{ cwd: folder, stdio: ["ignore", "pipe", "ignore"] },
    env: { ...process.env, ...SECRET, ...environment },
  })
  const ended = new Promise((resolve) => child.once("exit", resolve))
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await ended
  })
  let taken = 0
  await new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.includes('"event":"working"')) resolve()
      if (line.includes('"event":"taken"')) taken += 1
    })
  })
  return { child, ended, taken: () => taken }
}

/** All files of a data set with their bytes, and without the folder in `dataset.toml`. */
async function contents(name: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(at(name), { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const read = files.map(async (path) => {
    const bytes = (await readFile(path)).toString("latin1")
    return [path.slice(at(name).length), bytes.replaceAll(at(name), "")] as const
  })
  return new Map((await Promise.all(read)).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const CANNY = ["dataset", "make", "--from_pictures", "photos", "--prep", "canny", "--copy", "--outdir"] as const

describe("lllite dataset make with workers", withRedis, () => {
  const places = (store: string): readonly string[] => ["--redis", redis?.url() ?? "", "--store", store]

  it("makes the files that one process makes, also when a worker is killed, and makes nothing twice", async () => {
    expect((await run([...CANNY, "alone"])).status).toBe(0)
    const there = places("store")
    const first = await work(there)
    const made = run([...CANNY, "shared", ...there])
    await expect.poll(first.taken, { timeout: 600_000 }).toBeGreaterThan(1)
    first.child.kill("SIGKILL")
    await first.ended
    const second = await work([...there, "--jobs", "pieces", "--concurrency", "2"])
    expect(done(await made)).toMatchObject({ pairs: 8, made: 8 })
    expect(await contents("shared")).toEqual(await contents("alone"))
    // The store has the results, also for another folder.
    const before = second.taken()
    expect(done(await run([...CANNY, "again", ...there]))).toMatchObject({ pairs: 8, made: 8 })
    expect(second.taken()).toBe(before)
    expect(await contents("again")).toEqual(await contents("alone"))
    expect(done(await run([...CANNY, "shared"]))).toMatchObject({ pairs: 8, made: 0 })
  })

  it("parks a picture that cannot be read, makes the others, and continues when it is mended", async () => {
    const there = places("parked-store")
    const whole = await readFile(at("photos", "3.png"))
    for (const i of [0, 1, 2]) await writePng(at("bad", `${i}.png`), drawScene(makeScene(4, i)))
    await writeFile(at("bad", "broken.png"), whole.subarray(0, whole.length / 2))
    const args = ["dataset", "make", "--from_pictures", "bad", "--prep", "canny", "--outdir", "mended", ...there]
    await work(there)
    const failed = await run(args)
    expect(failed.status).toBe(1)
    expect(failed.text).toMatch(
      /3 of 4 pairs are complete\. One is parked: "broken\.png" is a broken picture.* List them by lllite parked/,
    )
    expect(await readdir(at("mended", "controls"))).toEqual(["0.png", "1.png", "2.png"])
    const listed = await run(["parked", "list", ...there, "--json"])
    const { pieces } = JSON.parse(listed.text)
    expect(pieces).toMatchObject([{ kind: "control", error: { code: "refused" } }])
    expect((await run(["parked", "retry", pieces[0].key.slice(0, 8), ...there])).text).toContain(
      "1 piece given to workers again",
    )
    expect((await run(["parked", "retry", "zzz", ...there])).text).toContain(
      'no parked piece has a key that begins with "zzz"',
    )
    await writeFile(at("bad", "broken.png"), whole)
    expect(done(await run(args))).toMatchObject({ pairs: 4, made: 1 })
    expect((await run(["parked", "forget", ...there])).text).toContain("1 piece forgotten")
    expect((await run(["parked", ...there])).text).toContain("0 pieces parked")
  })

  it("draws the pictures of prompts that one process draws", async () => {
    await writeFile(at("prompts.txt"), "a red star\na {blue|green} ring\n")
    const args = [
      ...[
        "dataset",
        "make",
        "--prompts",
        "prompts.txt",
        "--ckpt",
        "tiny",
        "--backend",
        "wasm",
        "--W",
        "64",
        "--H",
        "64",
      ],
      ...["--steps", "2", "--prep", "canny", "--count", "5", "--batch_size", "2", "--outdir"],
    ]
    const there = places("drawn-store")
    await work(there)
    const [alone, shared] = await Promise.all([run([...args, "drawn"]), run([...args, "drawn-shared", ...there])])
    expect(done(alone)).toMatchObject({ pairs: 5, made: 5 })
    expect(done(shared)).toMatchObject({ pairs: 5, made: 5 })
    expect(await contents("drawn-shared")).toEqual(await contents("drawn"))
  })

  it("makes the caches that one process makes, also when a worker is killed", async () => {
    const cache = (set: string): readonly string[] => [
      ...["dataset", "cache", "--pretrained_model_name_or_path", "tiny", "--backend", "wasm", "--resolution", "64"],
      ...["--train_data_dir", set, "--conditioning_data_dir", set, "--caption_extension", ".txt"],
    ]
    // Files of caches say when a picture was changed.
    for (const set of ["cached", "cached-shared"]) {
      await cp(at("photos"), at(set), { recursive: true, preserveTimestamps: true })
    }
    const there = places("cached-store")
    expect(done(await run(cache("cached")))).toMatchObject({ pictures: 8, latents: 8, texts: 8 })
    const first = await work(there)
    const made = run([...cache("cached-shared"), ...there])
    await expect.poll(first.taken, { timeout: 600_000 }).toBeGreaterThan(1)
    first.child.kill("SIGKILL")
    await first.ended
    await work(there)
    expect(done(await made)).toMatchObject({ pictures: 8, latents: 8, texts: 8 })
    expect(await contents("cached-shared")).toEqual(await contents("cached"))
    expect(done(await run(cache("cached-shared")))).toMatchObject({ pictures: 8, latents: 0, texts: 0 })
  })

  it("shares a data set that a client of the server asks for", async () => {
    const there = places("served-store")
    const [, url = ""] = there
    await writeFile(at("password"), PASSWORD)
    const more = ["--redis_password_file", "password", "--data_dir", "."]
    const server = await serve(folder, "--folder", "served", "--redis", url, ...more)
    await work([...there, ...more])
    const options = { from_pictures: "photos", prep: "canny", copy: true, outdir: "asked" }
    const { id } = await startJob(server.url, { kind: "dataset make", options })
    expect(await endedJob(server.url, id)).toMatchObject({ state: "done", error: null })
    expect((await readdir(at("served-store"))).sort()).toEqual(["contents", "flows", "results", "store.json"])
    const elsewhere = { ...options, outdir: "other", store: "photos", redis: "redis://127.0.0.1:1" }
    const refused = await fetch(`${server.url}/v1/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ kind: "dataset make", options: elsewhere }),
    })
    expect(await refused.json()).toMatchObject({ error: { code: "option-refused" } })
  })

  it("keeps pieces and results in a bucket of S3", withS3, async () => {
    const s3 = await startS3()
    onTestFinished(() => s3.close())
    const there = places("s3://pairs/set")
    await work(there, s3.environment)
    expect(done(await run([...CANNY, "bucket", ...there], s3.environment))).toMatchObject({ pairs: 8, made: 8 })
    expect((await run([...CANNY, "bucket-alone"])).status).toBe(0)
    expect(await contents("bucket")).toEqual(await contents("bucket-alone"))
  })
})
