#!/usr/bin/env node
// Whether a run that is killed and continued ends as one that never stopped, at any size. Trains the same run twice with
// `lllite train`: once unbroken, once killed at random steps after its first state and continued in new processes. Compares
// the bytes of all files and states, and the losses of the logs. Reports memory and CPU seconds as the run goes on.
// Exits 1 if something differs. CHECKPOINT `tiny` is the embedded model.
//   node bench/resume.mjs CHECKPOINT [--steps 300] [--every 50] [--kills 1] [--size 64] [--backend tensorflow]
//     [--precision BF16] [--keep FOLDER] [--from 200]
// With --from, the killed run begins with a copy of what the unbroken one had saved by that step: that is where it would be.
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { writePng } from "../packages/runtime-node/dist/index.js"

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: "string", default: "300" },
    every: { type: "string", default: "50" },
    kills: { type: "string", default: "1" },
    size: { type: "string", default: "64" },
    backend: { type: "string", default: "tensorflow" },
    precision: { type: "string", default: "F32" },
    keep: { type: "string" },
    from: { type: "string", default: "0" },
  },
})
const [checkpoint] = positionals
if (checkpoint === undefined) {
  console.error("usage: node bench/resume.mjs CHECKPOINT (make one: node bench/make-checkpoint.mjs FILE)")
  process.exit(1)
}
const command = fileURLToPath(new URL("../apps/cli/dist/main.js", import.meta.url))
const folder = options.keep ?? (await mkdtemp(join(tmpdir(), "lllite-bench-")))
const at = (...names) => join(folder, ...names)
const { size, steps: asked, every: interval } = options
const [side, steps, every, kills, from] = [size, asked, interval, options.kills, options.from].map(Number)
await drawPairs(8)

await run("unbroken", null)
if (from > 0) await copySaved(from)
for (let kill = 0; kill < kills; kill++) {
  // Each kill is in a part of its own of the steps after the first state.
  const first = Math.max(every, from) + 1
  await run("killed", Math.floor(first + ((steps - first) / kills) * (kill + Math.random())))
}
await run("killed", null)
const differing = await differences()
console.log(JSON.stringify({ differing }))
if (options.keep === undefined) await rm(folder, { recursive: true })
process.exitCode = differing.length === 0 ? 0 : 1

/** Squares on grounds, which differ, with captions that change. */
async function drawPairs(count) {
  for (const name of ["images", "controls"]) await mkdir(at(name), { recursive: true })
  for (let i = 0; i < count; i++) {
    const data = (inside, outside) =>
      Uint8Array.from({ length: side * side * 3 }, (_, k) => {
        const [x, y] = [Math.floor(k / 3) % side, Math.floor(k / 3 / side)]
        const half = (side * (i + 4)) / 30
        return Math.max(Math.abs(x - side / 2), Math.abs(y - side / 2)) < half ? inside[k % 3] : outside[k % 3]
      })
    const picture = data([30 * i, 200, 90], [200, 25 * i, 60])
    await writePng(at("images", `${i}.png`), { width: side, height: side, data: picture })
    const control = data([255, 255, 255], [0, 0, 0])
    await writePng(at("controls", `${i}.png`), { width: side, height: side, data: control })
    await writeFile(at("images", `${i}.txt`), `a {red|blue} square, number ${i}`)
  }
}

/** Gives the run that will be killed the files and states up to a step, and the log. */
async function copySaved(step) {
  for (const name of await readdir(at("unbroken"))) {
    const number = Number(/step(\d+)/.exec(name)?.[1])
    if (number <= step) await cp(at("unbroken", name), at("killed", name), { recursive: true })
  }
  await cp(at("unbroken-logs"), at("killed-logs"), { recursive: true })
}

/** Trains into a folder, from its newest state. Kills the process within a moment after step `kill`. */
async function run(name, kill) {
  const states = (await readdir(at(name)).catch(() => [])).filter((each) => each.endsWith("-state")).sort()
  const resume = states.length === 0 ? [] : ["--resume", at(name, states.at(-1))]
  const args = [
    ...["train", "--pretrained_model_name_or_path", checkpoint, "--train_data_dir", at("images")],
    ...["--conditioning_data_dir", at("controls"), "--caption_extension", ".txt", "--resolution", options.size],
    ...["--max_train_steps", options.steps, "--save_every_n_steps", options.every, "--save_state", "--seed", "5"],
    ...["--noise_offset", "0.1", "--flip_aug", "--caption_dropout_rate", "0.2", "--enable_wildcard", "--no_report"],
    ...["--backend", options.backend, "--precision", options.precision],
    ...["--output_dir", at(name), "--logging_dir", at(`${name}-logs`), ...resume],
  ]
  const child = spawn(process.execPath, [command, ...args], { stdio: ["ignore", "pipe", "inherit"] })
  const since = performance.now()
  for await (const line of createInterface({ input: child.stdout })) {
    const { phase, done } = JSON.parse(line)
    if (phase !== "train") continue
    if (done % Math.max(1, every / 2) === 0 || done === steps) {
      const seconds = Math.round((performance.now() - since) / 1000)
      console.log(JSON.stringify({ run: name, step: done, seconds, ...(await processFacts(child.pid)) }))
    }
    if (done === kill) setTimeout(() => child.kill("SIGKILL"), Math.random() * 1000)
  }
  const code = child.exitCode ?? (await new Promise((resolve) => child.once("exit", resolve)))
  console.log(JSON.stringify({ run: name, from: states.at(-1) ?? "the beginning", killedAfter: kill, code }))
  if ((kill === null) !== (code === 0)) throw new Error(`lllite train ended with ${code}`)
}

/** What Linux says of a process: memory now and at most, and CPU seconds. Other systems say nothing. */
async function processFacts(pid) {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => null)
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null)
  if (status === null || stat === null) return {}
  const gib = (field) =>
    Number((Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1]) / 2 ** 20).toFixed(3))
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return { rssGiB: gib("VmRSS"), peakGiB: gib("VmHWM"), cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100 }
}

/** The files that differ between both runs, and "losses". */
async function differences() {
  const [whole, parts] = await Promise.all([hashes("unbroken"), hashes("killed")])
  const names = [...new Set([...whole.keys(), ...parts.keys()])].filter((name) => whole.get(name) !== parts.get(name))
  const [a, b] = await Promise.all([losses("unbroken-logs"), losses("killed-logs")])
  console.log(JSON.stringify({ files: whole.size, steps: a.split("\n").length }))
  return [...names, ...(a === b ? [] : ["losses"])]
}

async function hashes(name) {
  const entries = await readdir(at(name), { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const hashed = files.map(async (path) => {
    const hash = createHash("sha256").update(await readFile(path))
    return [path.slice(at(name).length), hash.digest("hex")]
  })
  return new Map(await Promise.all(hashed))
}

/** Steps, losses and rates of the newest log, without times and memory. */
async function losses(name) {
  const newest = (await readdir(at(name))).sort().at(-1)
  const lines = (await readFile(at(name, newest, "steps.jsonl"), "utf8")).trim().split("\n")
  return lines
    .map((line) => JSON.stringify({ ...JSON.parse(line), seconds: null, memoryMiB: null, deviceMiB: null }))
    .join("\n")
}
