// Draws many small pictures with the built `lllite serve`, over all of its APIs, and prints the memory of the server and of
// the process that draws after each hundredth. Needs a build, and Linux.
//   node bench/faults/serve-memory.mjs [--jobs 1000] [--each 100] [--redis]
// With `--redis`, it starts a Redis and a worker, which draws. Their memory is printed, too. It needs redis-server.
import { spawn } from "node:child_process"
import { cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "1000" },
    each: { type: "string", default: "100" },
    redis: { type: "boolean", default: false },
  },
})
const [jobs, each] = [Number(values.jobs), Number(values.each)]
const main = fileURLToPath(new URL("../../apps/cli/dist/main.js", import.meta.url))
const lllite = fileURLToPath(new URL("../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))
const folder = await mkdtemp(join(tmpdir(), "lllite-serve-memory-"))
await mkdir(join(folder, "models", "controlnet"), { recursive: true })
await cp(lllite, join(folder, "models", "controlnet", "lllite-canny.safetensors"))
// As many jobs are kept as are shown, so that what is kept does not grow.
const args = ["serve", "--port", "0", "--models_dir", "models", "--keep_jobs", String(each), "--previews"]
const { redis, flags } = values.redis ? await startRedis() : { redis: null, flags: [] }
const [server, line] = await started(process.execPath, [main, ...args, ...flags])
const { url } = JSON.parse(line)
// It is ready when it says where it takes jobs.
const work = ["work", "--models_dir", "models", ...flags]
const [worker] = redis === null ? [null] : await started(process.execPath, [main, ...work])
const prompt = "a red star"
const size = { width: 64, height: 64, steps: 2 }
let picture = ""

/** Starts a program. Gives it with the first line that matches. */
async function started(program, args, pattern = /./) {
  const child = spawn(program, args, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] })
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => pattern.test(line) && resolve(line))
    child.once("error", reject)
    child.once("exit", (code) => reject(new Error(`${program} ${args.join(" ")} ended with ${code}`)))
  })
  return [child, line]
}

async function startRedis() {
  const probe = createServer()
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", resolve))
  const { port } = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  const args = ["--port", `${port}`, "--save", "", "--appendonly", "yes", "--dir", folder]
  const [redis] = await started("redis-server", args, /Ready to accept/)
  return { redis, flags: ["--redis", `redis://127.0.0.1:${port}`] }
}

async function post(path, body) {
  const headers = { "content-type": "application/json" }
  const answer = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}

/** A picture over LLLite's own API. */
async function own(seed) {
  const recipe = { prompt, seed, ...size, model: { checkpoint: { path: "tiny" } } }
  const { id } = await post("/v1/jobs", { kind: "generate", recipes: [recipe] })
  await (await fetch(`${url}/v1/jobs/${id}/events`)).text()
  const job = await (await fetch(`${url}/v1/jobs/${id}`)).json()
  if (job.state !== "done") throw new Error(JSON.stringify(job.error))
  const bytes = await (await fetch(`${url}/v1/files/${job.results[0].sha256}`)).arrayBuffer()
  picture = Buffer.from(bytes).toString("base64")
}

/** A picture over A1111's API, with an LLLite that follows an earlier one. Every second starts from it. */
async function webui(seed) {
  const unit = { image: picture, module: "canny", model: "lllite-canny", weight: 0.8, pixel_perfect: true }
  const body = { prompt, seed, ...size, alwayson_scripts: { controlnet: { args: [unit] } } }
  const { images } = await post(
    ...(seed % 2 === 0 ? ["/sdapi/v1/txt2img", body] : ["/sdapi/v1/img2img", { ...body, init_images: [picture] }]),
  )
  if (images.length !== 2) throw new Error(`${images.length} pictures`)
}

/** A picture of a graph of ComfyUI. */
async function graph(seed) {
  const nodes = {
    1: { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: "tiny" } },
    4: { class_type: "CLIPTextEncode", inputs: { text: prompt, clip: ["1", 1] } },
    6: { class_type: "EmptyLatentImage", inputs: { width: 64, height: 64, batch_size: 1 } },
    7: {
      class_type: "KSampler",
      inputs: {
        ...{ model: ["1", 0], seed, steps: 2, cfg: 2, sampler_name: "euler", scheduler: "normal", denoise: 1 },
        ...{ positive: ["4", 0], negative: ["4", 0], latent_image: ["6", 0] },
      },
    },
    8: { class_type: "VAEDecode", inputs: { samples: ["7", 0], vae: ["1", 2] } },
    9: { class_type: "SaveImage", inputs: { images: ["8", 0], filename_prefix: "star" } },
  }
  const { prompt_id: id } = await post("/prompt", { prompt: nodes })
  await (await fetch(`${url}/v1/jobs/${id}/events`)).text()
  const history = await (await fetch(`${url}/history/${id}`)).json()
  if (history[id]?.status.completed !== true) throw new Error(JSON.stringify(history))
}

async function mebibytes(pid) {
  const status = await readFile(`/proc/${pid}/status`, "utf8")
  return Math.round(Number(/VmRSS:\s*(\d+)/.exec(status)?.[1] ?? 0) / 1024)
}

try {
  const start = performance.now()
  await own(0)
  for (let done = 0; done <= jobs; ) {
    const { pid } = worker ?? server
    const [drawing] = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).trim().split(" ")
    const seconds = Math.round((performance.now() - start) / 1000)
    const memory = { server: await mebibytes(server.pid), drawing: await mebibytes(drawing) }
    const others = worker === null ? {} : { worker: await mebibytes(worker.pid), redis: await mebibytes(redis.pid) }
    console.log(JSON.stringify({ done, seconds, ...memory, ...others }))
    if (done === jobs) break
    const seeds = Array.from({ length: Math.min(each, jobs - done) }, (_, i) => done + i + 1)
    // Ten clients at once.
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
          await [own, webui, graph][seed % 3](seed)
        }
      }),
    )
    done = Math.min(jobs, done + each)
  }
} finally {
  for (const child of [worker, server, redis].filter((one) => one !== null)) {
    const ended = new Promise((resolve) => child.once("exit", resolve))
    child.kill("SIGTERM")
    await ended
  }
  await rm(folder, { recursive: true, force: true })
}
