// Jobs over Redis with the built `lllite serve` and `lllite work`: how many pictures a second some workers draw, and what
// becomes of jobs when workers, the server and Redis are killed at random moments. Needs a build, and redis-server.
//   node bench/faults/workers.mjs --pictures 100 --workers 1,2
//   node bench/faults/workers.mjs --kills 30 --seed 1
import { spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const { values } = parseArgs({
  options: {
    pictures: { type: "string", default: "100" },
    workers: { type: "string", default: "1,2" },
    kills: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    backend: { type: "string", default: "wasm" },
  },
})
const main = fileURLToPath(new URL("../../apps/cli/dist/main.js", import.meta.url))
const folder = await mkdtemp(join(tmpdir(), "lllite-workers-"))
const [redisPort, port] = [await freePort(), await freePort()]
const [address, url] = [`redis://127.0.0.1:${redisPort}`, `http://127.0.0.1:${port}`]
const running = new Set()

async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port: free } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return free
}

/** Starts a program, and waits until it prints a text. */
async function start(program, args, text) {
  const child = spawn(program, args, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] })
  running.add(child)
  const ended = new Promise((resolve) => child.once("exit", resolve)).then(() => running.delete(child))
  await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => line.includes(text) && resolve())
    ended.then(() => reject(new Error(`${args.join(" ")} ended`)))
  })
  return { child, ended }
}

const redis = () =>
  start(
    "redis-server",
    ["--port", String(redisPort), "--save", "", "--appendonly", "yes", "--dir", folder],
    "Ready to accept",
  )
const serve = (...more) =>
  start(process.execPath, [main, "serve", "--port", String(port), "--keep_jobs", "5000", ...more], "listening")
const work = () =>
  start(process.execPath, [main, "work", "--redis", address, "--backend", values.backend], '"event":"working"')

async function kill({ child, ended }) {
  child.kill("SIGKILL")
  await ended
}

async function submit(seed, steps = 2) {
  const recipe = { prompt: "a red star", seed, steps, width: 64, height: 64, model: { checkpoint: { path: "tiny" } } }
  const body = JSON.stringify({ kind: "generate", recipes: [recipe] })
  const answer = await fetch(`${url}/v1/jobs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  })
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  return { ...(await answer.json()), seed }
}

/** A job when it has ended. The server may be killed meanwhile. */
async function ended({ id, seed }) {
  for (;;) {
    try {
      await (await fetch(`${url}/v1/jobs/${id}/events`)).text()
      const job = await (await fetch(`${url}/v1/jobs/${id}`)).json()
      if (job.finished !== null) return { ...job, seed }
    } catch {
      // The server starts again.
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** Seconds of pictures that are asked for at once. */
async function timed(count) {
  const began = performance.now()
  const jobs = await Promise.all(Array.from({ length: count }, (_, seed) => submit(seed)))
  const all = await Promise.all(jobs.map(ended))
  const done = all.filter(({ state }) => state === "done").length
  return { done, seconds: Number(((performance.now() - began) / 1000).toFixed(1)) }
}

async function throughput() {
  const count = Number(values.pictures)
  const alone = await serve("--backend", values.backend)
  await ended(await submit(9999))
  console.log(JSON.stringify({ workers: 0, ...(await timed(count)) }))
  await kill(alone)
  const own = await redis()
  for (const workers of values.workers.split(",").map(Number)) {
    const server = await serve("--redis", address)
    const all = await Promise.all(Array.from({ length: workers }, work))
    // Each loads its model.
    await Promise.all((await Promise.all(Array.from({ length: 4 * workers }, (_, i) => submit(9000 + i)))).map(ended))
    console.log(JSON.stringify({ workers, ...(await timed(count)) }))
    for (const each of [...all, server]) await kill(each)
  }
  await kill(own)
}

/** Numbers from 0 to 1 that follow from a seed. */
function randomOf(seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

async function faults() {
  const [kills, random] = [Number(values.kills), randomOf(Number(values.seed))]
  let own = await redis()
  let server = await serve("--redis", address)
  const workers = [await work(), await work()]
  const expected = new Map()
  for (const seed of [0, 1, 2, 3]) expected.set(seed, (await ended(await submit(seed, 20))).results[0].sha256)
  const counts = { worker: 0, server: 0, redis: 0 }
  const jobs = []
  for (let i = 0; i < kills; i++) {
    for (let k = 0; k < 3; k++) jobs.push(await submit(jobs.length % 4, 20))
    await new Promise((resolve) => setTimeout(resolve, 3000 * random()))
    const what = Object.keys(counts)[Math.floor(3 * random())]
    counts[what] += 1
    if (what === "worker") {
      const place = random() < 0.5 ? 0 : 1
      await kill(workers[place])
      workers[place] = await work()
    } else if (what === "server") {
      await kill(server)
      server = await serve("--redis", address)
    } else {
      await kill(own)
      own = await redis()
    }
  }
  const all = await Promise.all(jobs.map(ended))
  const failed = all.filter(({ state }) => state !== "done")
  const other = all.filter(({ state, results, seed }) => state === "done" && results[0].sha256 !== expected.get(seed))
  const again = all.filter(({ attempts }) => attempts > 1).length
  console.log(
    JSON.stringify({
      ...counts,
      jobs: all.length,
      again,
      failed: failed.map(({ error }) => error),
      other: other.length,
    }),
  )
}

try {
  await (Number(values.kills) > 0 ? faults() : throughput())
} finally {
  for (const child of running) child.kill("SIGKILL")
  await rm(folder, { recursive: true, force: true })
}
