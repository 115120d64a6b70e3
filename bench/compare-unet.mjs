#!/usr/bin/env node
// Runs ours and PyTorch alternately, so that other load of the machine affects both. Prints the medians over the rounds,
// and the ratios.
//   node bench/compare-unet.mjs [--latents 32,64,128] [--dtypes f32,bf16] [--rounds 3] [--runs 3] [--batch 1]
//     [--python python3] [--weights F16] [--tiny] [--no-train] [--json]
// Each cell has wall seconds, then CPU seconds. PYTHON needs torch and diffusers. A size that does not fit is left out
// with its error, and the others continue. Where a later round fails, the rounds before it count.
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { parseArgs, promisify } from "node:util"

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const { values: options } = parseArgs({
  options: {
    latents: { type: "string", default: "32,64,128" },
    dtypes: { type: "string", default: "f32,bf16" },
    rounds: { type: "string", default: "3" },
    runs: { type: "string", default: "3" },
    batch: { type: "string", default: "1" },
    python: { type: "string", default: "python3" },
    weights: { type: "string", default: "F16" },
    tiny: { type: "boolean", default: false },
    "no-train": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
})
const execute = promisify(execFile)
/** What is timed. PyTorch computes keys and values of the text in every pass. So ours that keep them stand beside these. */
const TORCH_NAMES = { forwardKept: "forward", forwardLlliteKept: "forwardLllite" }
const TIMES = ["forward", "forwardKept", "forwardLllite", "forwardLlliteKept", "trainStepRecompute", "trainStep"]
const MEMORY = ["peakRssGiB", "peakRssGiBTrainRecompute", "peakRssGiBTrain"]
const WORK = [...TIMES.flatMap((name) => [name, `${name}Cpu`]), ...MEMORY]

const rows = []
for (const dtype of options.dtypes.split(",")) {
  for (const latent of options.latents.split(",")) {
    const common = ["--latent", latent, "--dtype", dtype, "--batch", options.batch, "--runs", options.runs]
    if (options.tiny) common.push("--tiny")
    if (options["no-train"]) common.push("--no-train")
    const sides = {
      ours: [process.execPath, [here("run-unet.mjs"), ...common, "--weights", options.weights]],
      torch: [options.python, [here("torch_unet.py"), ...common]],
    }
    const found = { ours: [], torch: [] }
    try {
      for (let round = 0; round < Number(options.rounds); round++) {
        for (const [side, [program, args]] of Object.entries(sides)) {
          console.error(`${side}, ${8 * latent} px, ${dtype}, round ${round + 1} of ${options.rounds} …`)
          found[side].push(await run(program, args))
        }
      }
    } catch (error) {
      const kept = found.torch.length
      console.error(`${8 * latent} px, ${dtype}: ${kept > 0 ? `${kept} rounds kept` : "left out"}: ${error.message}`)
      if (kept === 0) continue
      found.ours.length = kept
    }
    rows.push(summary(Number(latent), dtype, found))
  }
}
console.log(options.json ? JSON.stringify(rows, null, 2) : table(rows))

async function run(program, args) {
  const { stdout } = await execute(program, args, { maxBuffer: 2 ** 24 }).catch((error) => {
    const lines = String(error.stderr ?? "")
      .trim()
      .split("\n")
    const said = lines.findLast((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1)
    throw new Error(`${program}: ${error.signal ?? `exit code ${error.code}`}: ${said}`)
  })
  return JSON.parse(stdout.trim().split("\n").at(-1))
}

function summary(latent, dtype, { ours, torch }) {
  const row = { pixels: 8 * latent, dtype }
  for (const name of WORK) {
    const isCpu = name.endsWith("Cpu")
    const timed = isCpu ? name.slice(0, -3) : name
    const other = `${TORCH_NAMES[timed] ?? timed}${isCpu ? "Cpu" : ""}`
    if (ours[0][name] === undefined || torch[0][other] === undefined) continue
    row[name] = { ours: median(ours.map((run) => run[name])), torch: median(torch.map((run) => run[other])) }
    // The ratio of each round's pair, so that a slow minute affects both sides.
    row[name].ratio = median(ours.map((run, i) => run[name] / torch[i][other]))
  }
  row.llliteShare = median(ours.map(({ forward, forwardLllite }) => forwardLllite / forward - 1))
  return row
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2
}

function table(list) {
  const head = ["px", "dtype", ...TIMES, ...MEMORY, "LLLite's share"]
  const cell = (value) => (value === undefined ? "" : `${n(value.ours)} / ${n(value.torch)} = ${n(value.ratio)}`)
  const both = (row, name) => [cell(row[name]), cell(row[`${name}Cpu`])].filter((text) => text !== "").join("; CPU ")
  const body = list.map((row) => [
    String(row.pixels),
    row.dtype,
    ...[...TIMES, ...MEMORY].map((name) => both(row, name)),
    `${(100 * row.llliteShare).toFixed(1)} %`,
  ])
  return [head, head.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`).join("\n")
}

function n(value) {
  return value.toPrecision(3)
}
