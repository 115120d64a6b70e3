#!/usr/bin/env node
// How far `lllite train --plan` is from the run that it plans: seconds of a step, and the greatest memory of the process. Each
// size is planned, run and planned again. Give it an idle machine, or --cpu, which counts CPU seconds of the process instead.
//   node bench/plan.mjs [CHECKPOINT] [--sizes 128,256] [--steps 5] [--batch 1] [--backend tensorflow] [--precision BF16]
//     [--weights BF16] [--cpu]
// CHECKPOINT is `made-up` by default, an SDXL of real size that needs no file. `tiny` is the embedded model. A step's time in
// the run is the median without the first, which also makes memory and graphs. Reads the peak of memory on Linux alone.
import { spawn } from "node:child_process"
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { blankImage, writePng } from "../packages/runtime-node/dist/index.js"

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sizes: { type: "string", default: "128,256" },
    steps: { type: "string", default: "5" },
    batch: { type: "string", default: "1" },
    backend: { type: "string", default: "tensorflow" },
    precision: { type: "string" },
    weights: { type: "string" },
    cpu: { type: "boolean", default: false },
  },
})
const [checkpoint = "made-up"] = positionals
const isReal = checkpoint !== "tiny"
const { precision = isReal ? "BF16" : "F32", weights = isReal ? "BF16" : "file" } = options
const command = fileURLToPath(new URL("../apps/cli/dist/main.js", import.meta.url))
const folder = await mkdtemp(join(tmpdir(), "lllite-plan-"))
const clock = join(folder, "cpu-clock.cjs")
await writeFile(
  clock,
  `Object.defineProperty(performance, "now", { value: () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000 } })`,
)

for (const size of options.sizes.split(",").map(Number)) {
  const args = await optionsOf(size)
  const first = await plan(args)
  const run = await measure(args, join(folder, `logs-${size}`))
  const second = await plan(args)
  const apart = (planned, got) => `${(100 * (planned / got - 1)).toFixed(0)} %`
  console.log(
    JSON.stringify({
      ...{ checkpoint, backend: options.backend, size, batch: Number(options.batch) },
      clock: options.cpu ? "CPU seconds" : "seconds",
      planned: [first.step, second.step].map((seconds) => Number(seconds.toPrecision(3))),
      measured: Number(run.step.toPrecision(3)),
      apart: [first.step, second.step].map((seconds) => apart(seconds, run.step)),
      plannedGB: Number((first.bytes / 1e9).toFixed(2)),
      measuredGB: run.bytes === null ? null : Number((run.bytes / 1e9).toFixed(2)),
      apartGB: run.bytes === null ? null : apart(first.bytes, run.bytes),
      secondsOfPlan: Number(first.took.toFixed(1)),
    }),
  )
}
await rm(folder, { recursive: true })

async function optionsOf(size) {
  const at = (part) => join(folder, String(size), part)
  const pairs = 2 * Number(options.batch)
  for (const part of ["images", "controls"]) await mkdir(at(part), { recursive: true })
  for (let i = 0; i < pairs; i++) {
    await writePng(join(at("images"), `${i}.png`), blankImage(size, size, [20 * i, 90, 200]))
    await writePng(join(at("controls"), `${i}.png`), blankImage(size, size, [10, 200 - 20 * i, 90]))
    await writeFile(join(at("images"), `${i}.txt`), "a square")
  }
  return [
    ...["train", "--pretrained_model_name_or_path", checkpoint, "--train_data_dir", at("images")],
    ...["--conditioning_data_dir", at("controls"), "--caption_extension", ".txt", "--resolution", String(size)],
    ...[
      "--train_batch_size",
      options.batch,
      "--max_train_steps",
      options.steps,
      "--seed",
      "1",
      "--no_report",
      "--force",
    ],
    ...["--backend", options.backend, "--precision", precision, "--weights", weights, "--output_dir", at("out")],
  ]
}

async function plan(args) {
  const start = performance.now()
  const lines = await lllite([...args, "--plan"])
  const { seconds, memory } = lines.find(({ event }) => event === "plan")
  const took = (performance.now() - start) / 1000
  return { step: seconds.step, bytes: Math.max(...memory.map(({ bytes }) => bytes)), took }
}

async function measure(args, logs) {
  let bytes = null
  await lllite([...args, "--logging_dir", logs], (child) => {
    const watch = setInterval(async () => {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "")
      const kib = Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1])
      if (kib > 0) bytes = 1024 * kib
    }, 200)
    child.once("exit", () => clearInterval(watch))
  })
  const [run] = await readdir(logs)
  const text = await readFile(join(logs, run, "steps.jsonl"), "utf8")
  const took = text
    .trim()
    .split("\n")
    .flatMap((line) => JSON.parse(line).seconds ?? [])
  return { step: took.sort((a, b) => a - b)[Math.floor(took.length / 2)], bytes }
}

/** Runs the command, and returns the lines that it prints. */
async function lllite(args, onStart = () => {}) {
  const flags = options.cpu ? ["--require", clock] : []
  const child = spawn(process.execPath, [...flags, command, ...args], { stdio: ["ignore", "pipe", "inherit"] })
  onStart(child)
  let text = ""
  for await (const chunk of child.stdout) text += chunk
  const code = child.exitCode ?? (await new Promise((resolve) => child.once("exit", resolve)))
  if (code !== 0) throw new Error(`lllite train ended with ${code}`)
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
}
