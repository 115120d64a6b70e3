#!/usr/bin/env node
// CPU and wall seconds of one training step on the tiny SDXL, on WebAssembly, beside PyTorch in turns. Pictures of 128
// px, widths 32 and 64. Node 24 has relaxed SIMD and Node 20 does not, so run it with both.
//   node bench/tiny-step.mjs [--python python3] [--batch 16] [--steps 40] [--rounds 3] [--backend wasm]
import { execFileSync } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { enumerateSites } from "../packages/format/dist/selections.js"
import { createNodeRuntime, datasetOfFolders, openDataset, writePng } from "../packages/runtime-node/dist/index.js"

const { values: options } = parseArgs({
  options: {
    python: { type: "string" },
    batch: { type: "string", default: "16" },
    steps: { type: "string", default: "40" },
    rounds: { type: "string", default: "3" },
    backend: { type: "string", default: "wasm" },
  },
})
const [batch, steps, rounds] = [options.batch, options.steps, options.rounds].map(Number)
const WARM_UP = 5
const SIZE = 128

const folder = await mkdtemp(join(tmpdir(), "lllite-bench-"))
try {
  for (let i = 0; i < batch; i++) {
    const noise = {
      width: SIZE,
      height: SIZE,
      data: Uint8Array.from({ length: 3 * SIZE ** 2 }, () => 256 * Math.random()),
    }
    await writePng(join(folder, `${i}.png`), noise)
    await writeFile(join(folder, `${i}.txt`), "a red circle")
  }
  const runtime = await createNodeRuntime({ backend: options.backend })
  const sdxl = await runtime.loadSdxl("tiny")
  const place = { imageDir: folder, conditioningDataDir: folder, captionExtension: ".txt", resolution: SIZE }
  const dataset = await openDataset(datasetOfFolders(place))
  const ratios = []
  for (let round = 0; round < rounds; round++) {
    const ours = await measured(sdxl, dataset)
    const torch = options.python === undefined ? null : pytorch(options.python)
    if (torch !== null) ratios.push(ours.cpu / torch.cpu)
    console.log(JSON.stringify({ node: process.version, backend: runtime.version, batch, ours, torch }))
  }
  if (ratios.length > 0)
    console.log(`CPU seconds, ours / PyTorch: ${median(ratios).toFixed(2)} (${ratios.length} rounds)`)
  await runtime.dispose()
} finally {
  await rm(folder, { recursive: true })
}

async function measured(sdxl, dataset) {
  const run = {
    ...{ sites: enumerateSites(sdxl.layout), condDim: 32, mlpDim: 64, init: "normalised", seed: 0 },
    ...{ steps: WARM_UP + steps, batchSize: batch, learningRate: 3e-3 },
  }
  const [wall, cpu] = [[], []]
  let before = null
  for await (const event of sdxl.train(dataset, run)) {
    if (event.kind !== "step") continue
    const now = { wall: performance.now(), cpu: process.cpuUsage() }
    if (before !== null && event.step > WARM_UP) {
      wall.push((now.wall - before.wall) / 1e3)
      cpu.push((now.cpu.user + now.cpu.system - before.cpu.user - before.cpu.system) / 1e6)
    }
    before = now
  }
  return { cpu: median(cpu), wall: median(wall) }
}

function pytorch(python) {
  const script = fileURLToPath(new URL("torch_tiny_step.py", import.meta.url))
  const args = [script, "--batch", String(batch), "--steps", String(steps)]
  return JSON.parse(execFileSync(python, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }))
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}
