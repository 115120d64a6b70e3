// Servers that the interrupted commands use: one of files that is slow, and one with Redis whose jobs workers take.
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { createServer } from "node:http"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../../apps/cli/dist/main.js", import.meta.url))
const checkpoint = fileURLToPath(new URL("../../packages/tiny/model/tiny-sdxl.safetensors", import.meta.url))

/** Bytes that the slow server sends of a checkpoint every 20 ms. */
const CHUNK = 2 ** 17

/** A server that sends the tiny checkpoint in some seconds at /tiny.safetensors, and elsewhere a header byte by byte. */
export async function startSlowServer() {
  const bytes = await readFile(checkpoint)
  const etag = `"${createHash("sha256").update(bytes).digest("hex")}"`
  const server = createServer((request, response) => {
    if (request.url?.startsWith("/tiny.safetensors")) sendCheckpoint(bytes, etag, request, response)
    else sendSlowly(response)
  })
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function sendSlowly(response) {
  response.writeHead(206, { "content-range": "bytes 0-65535/9000000", "content-length": 65536 })
  const timer = setInterval(() => response.write(Buffer.alloc(64)), 20)
  response.on("close", () => clearInterval(timer))
}

function sendCheckpoint(bytes, etag, request, response) {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? []
  const start = Number(from ?? 0)
  const end = to === undefined || to === "" ? bytes.length : Math.min(Number(to) + 1, bytes.length)
  const headers = { etag, "accept-ranges": "bytes", "content-length": end - start }
  if (from === undefined) response.writeHead(200, headers)
  else response.writeHead(206, { ...headers, "content-range": `bytes ${start}-${end - 1}/${bytes.length}` })
  if (request.method === "HEAD") return response.end()
  let at = start
  const timer = setInterval(() => {
    response.write(bytes.subarray(at, Math.min(at + CHUNK, end)))
    at += CHUNK
    if (at >= end) response.end()
    if (at >= end) clearInterval(timer)
  }, 20)
  response.on("close", () => clearInterval(timer))
}

/** Starts a program, and waits for the first line that a pattern finds. */
async function started(program, args, folder, pattern) {
  const child = spawn(program, args, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] })
  const ended = new Promise((resolve) => child.once("exit", resolve))
  const found = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const match = pattern.exec(line)
      if (match !== null) resolve(match)
    })
    child.once("error", reject)
    ended.then(() => reject(new Error(`${program} ${args.join(" ")} ended`)))
  })
  return { child, ended, found }
}

/**
 * Redis, and a server that leaves its jobs to workers.
 *
 * @param port a free port
 */
export async function startJobsPlace(folder, port) {
  const redis = `redis://127.0.0.1:${port}`
  const store = await started("redis-server", ["--port", `${port}`, "--save", ""], folder, /Ready to accept/)
  const serving = [main, "serve", "--port", "0", "--folder", join(folder, "jobs"), "--redis", redis]
  const server = await started(process.execPath, serving, folder, /"event":"listening".*?"url":"([^"]+)"/)
  const url = server.found[1]
  const jobs = []
  return {
    redis,
    /** Gives it jobs. Every sixth takes longer than a worker waits for at its end. */
    async startJobs(count) {
      for (let i = 0; i < count; i++) {
        const steps = jobs.length % 6 === 0 ? 200 : 4
        const body = { steps, seed: jobs.length % 4, size: jobs.length % 6 === 0 ? 192 : 64 }
        jobs.push({ ...body, id: await startJob(url, body) })
      }
    },
    /** Lets one more worker do what is left. Resolves to the number of jobs that are not done or gave another picture. */
    async lostJobs() {
      const worker = await started(process.execPath, [main, "work", "--redis", redis], folder, /"event":"working"/)
      const pictures = new Map()
      let lost = 0
      for (const { id, seed, steps } of jobs) {
        await (await fetch(`${url}/v1/jobs/${id}/events`)).text()
        const { state, error, results } = await (await fetch(`${url}/v1/jobs/${id}`)).json()
        const key = `${seed} ${steps}`
        const expected = pictures.get(key) ?? results[0]?.sha256
        pictures.set(key, expected)
        if (state === "done" && results[0].sha256 === expected) continue
        lost++
        console.error(id, state, error)
      }
      worker.child.kill("SIGTERM")
      await worker.ended
      return { jobs: jobs.length, lost }
    },
    async close() {
      for (const { child, ended } of [server, store]) {
        child.kill("SIGKILL")
        await ended
      }
    },
  }
}

/** Gives a server a job, and resolves to its name. */
export async function startJob(url, { steps, seed, size }) {
  const recipe = {
    prompt: "a red star",
    seed,
    steps,
    width: size,
    height: size,
    model: { checkpoint: { path: "tiny" } },
  }
  const body = JSON.stringify({ kind: "generate", recipes: [recipe] })
  const headers = { "content-type": "application/json" }
  const answer = await fetch(`${url}/v1/jobs`, { method: "POST", headers, body })
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  return (await answer.json()).id
}
