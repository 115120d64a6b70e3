#!/usr/bin/env node
// The command at SDXL's real size, on made-up weights: `lllite train` for a few steps, then `lllite generate` with the
// LLLite that it wrote. Reports the time and the peak memory of each. The picture has no meaning.
//   node bench/end-to-end.mjs CHECKPOINT [--size 256] [--steps 2] [--precision BF16] [--keep FOLDER] [--python PYTHON]
// With --python, `lllite generate` without an LLLite and diffusers (torch_generate.py) also run in turns, --rounds times.
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
    size: { type: "string", default: "256" },
    steps: { type: "string", default: "2" },
    precision: { type: "string", default: "F32" },
    keep: { type: "string" },
    python: { type: "string" },
    rounds: { type: "string", default: "3" },
  },
})
const [checkpoint] = positionals
if (checkpoint === undefined) {
  console.error("usage: node bench/end-to-end.mjs CHECKPOINT (make one: node bench/make-checkpoint.mjs FILE)")
  process.exit(1)
}
const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const command = here("../apps/cli/dist/main.js")
const folder = options.keep ?? (await mkdtemp(join(tmpdir(), "lllite-bench-")))
const at = (...names) => join(folder, ...names)
const side = Number(options.size)
for (const [i, colour] of [
  [200, 60, 60],
  [60, 60, 200],
].entries()) {
  await mkdir(at("images"), { recursive: true })
  await mkdir(at("controls"), { recursive: true })
  await writePng(at("images", `${i}.png`), blankImage(side, side, colour))
  await writePng(at("controls", `${i}.png`), blankImage(side, side, [255 * i, 255 * i, 255 * i]))
  await writeFile(at("images", `${i}.txt`), "a colour")
}
const how = ["--backend", "tensorflow", "--precision", options.precision]
await timed("train", [
  ...["--pretrained_model_name_or_path", checkpoint, "--train_data_dir", at("images")],
  ...["--conditioning_data_dir", at("controls"), "--caption_extension", ".txt", "--resolution", options.size],
  ...["--max_train_steps", options.steps, "--gradient_checkpointing", "--output_dir", at("out"), ...how],
])
const picture = (outdir) => [
  ...["--ckpt", checkpoint, "--prompt", "a colour", "--W", options.size, "--steps", options.steps, "--seed", "1"],
  ...["--outdir", at(outdir), ...how],
]
const guide = ["--guide_image_path", at("controls", "0.png")]
await timed("generate", [
  ...picture("pictures"),
  ...["--control_net_lllite_models", at("out", "last.safetensors"), ...guide],
])
for (let round = 0; options.python !== undefined && round < Number(options.rounds); round++) {
  await timed("generate", picture(`pictures-${round}`))
  const out = ["--out", at(`diffusers-${round}.png`)]
  const dtype = options.precision === "BF16" ? "bf16" : "f32"
  const args = [checkpoint, "--size", options.size, "--steps", options.steps, "--dtype", dtype, ...out]
  await measured("diffusers", options.python, [here("torch_generate.py"), ...args])
}
console.log(JSON.stringify({ written: [...(await readdir(at("out"))), ...(await readdir(at("pictures")))] }))
if (options.keep === undefined) await rm(folder, { recursive: true })

async function timed(name, args) {
  await measured(`lllite ${name}`, process.execPath, [command, name, ...args])
}

async function measured(name, program, args) {
  const since = performance.now()
  const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"] })
  let peakKib = 0
  // Linux reports the peak memory of a process while it runs. Other systems do not.
  const watch = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "")
    peakKib = Math.max(peakKib, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0))
  }, 100)
  const code = await new Promise((resolve) => child.on("exit", resolve))
  clearInterval(watch)
  if (code !== 0) throw new Error(`${name} ended with ${code}`)
  const seconds = Number(((performance.now() - since) / 1000).toFixed(1))
  const peak = peakKib === 0 ? {} : { peakRssGiB: Number((peakKib / 2 ** 20).toFixed(2)) }
  console.log(JSON.stringify({ command: name, size: side, steps: Number(options.steps), seconds, ...peak }))
}
