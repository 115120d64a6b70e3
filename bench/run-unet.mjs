#!/usr/bin/env node
// Seconds of SDXL's U-Net on TensorFlow: a forward pass, one with an LLLite, and a training step. Each has wall seconds
// and CPU seconds, so that a loaded machine still tells the truth. Also the peak memory of the process. Output: one JSON
// line. A training step runs with gradient checkpointing ("Recompute") and without. "Kept" passes read the keys and
// values of the text from the pass before, as a picture does from its second step on.
//   node bench/run-unet.mjs [--latent 32] [--batch 1] [--dtype f32|bf16] [--weights F16|BF16|F32] [--runs 3] [--tiny]
//     [--no-train] [--no-graphs]
import { parseArgs } from "node:util"
import * as tf from "@tensorflow/tfjs"
import { createNoiseSchedule } from "../packages/core/dist/diffusion.js"
import {
  createLllite,
  createTextKeyCache,
  disposeLllite,
  llliteTap,
  loadUnet,
  madeUpEntries,
  prepareControl,
  SDXL_UNET,
  unet,
  uploadLllite,
} from "../packages/core/dist/models.js"
import { createStream } from "../packages/core/dist/random.js"
import { sdxlShapes } from "../packages/core/dist/reference.js"
import { DEFAULT_OPTIMIZER, initOptimizer, LLLITE, loadOptimizer, objective } from "../packages/core/dist/training.js"
import { enumerateSites } from "../packages/format/dist/selections.js"
import { startBackend } from "../packages/runtime-node/dist/index.js"

const { values: options } = parseArgs({
  options: {
    latent: { type: "string", default: "32" },
    batch: { type: "string", default: "1" },
    dtype: { type: "string", default: "f32" },
    weights: { type: "string", default: "F16" },
    runs: { type: "string", default: "3" },
    tiny: { type: "boolean", default: false },
    "no-train": { type: "boolean", default: false },
    "no-graphs": { type: "boolean", default: false },
  },
})
const [latent, batch, runs] = [options.latent, options.batch, options.runs].map(Number)
const precision = { f32: "F32", bf16: "BF16" }[options.dtype]
if (precision === undefined) throw new Error(`--dtype is ${options.dtype}, expected f32 or bf16`)

/** The same layout as in `torch_unet.py --tiny`. */
const TINY = {
  layout: { modelChannels: 32, channelMult: [1, 2, 4], transformerDepth: [0, 2, 2], middleDepth: 2 },
  contextDim: 64,
  pooledDim: 40,
  headDim: 64,
  inChannels: 4,
  outChannels: 4,
}
const config = options.tiny ? TINY : SDXL_UNET

const { ops, version } = await startBackend("tensorflow", { precision, graphs: !options["no-graphs"] })
const { unet: shapes } = await sdxlShapes(config)
const params = await loadUnet({ label: "made up", entries: madeUpEntries(shapes, options.weights) }, ops.load)

const stream = createStream(2, "bench inputs")
let index = 0
const normal = (...shape) =>
  tf.tensor(
    stream.normal(
      shape.reduce((a, b) => a * b, 1),
      { index: index++ },
    ),
    shape,
  )
const timesteps = Array.from({ length: batch }, () => 500)
const input = {
  latents: normal(batch, latent, latent, 4),
  timesteps,
  context: normal(batch, 77, config.contextDim),
  vector: normal(batch, config.pooledDim + 1536),
}
const side = 8 * latent
const images = {
  count: batch,
  height: side,
  width: side,
  data: stream.normal(batch * side * side * 3, { index: index++ }),
}
const model = createLllite(enumerateSites(config.layout), { condDim: 32, mlpDim: 64 }, createStream(3, "init"))

const { dtype, weights } = options
const result = { library: version, dtype, weights, latent, batch, graphs: !options["no-graphs"] }
const textKeys = createTextKeyCache()
const forward = async (options) => {
  const y = unet(ops, params, input, options)
  await y.data()
  y.dispose()
}
await timed("forward", () => forward())
await timed("forwardKept", () => forward({ textKeys }))

const lllite = uploadLllite(model)
const control = prepareControl(ops, lllite, images)
const tap = llliteTap(ops, lllite, control, 1)
await timed("forwardLllite", () => forward({ tap }))
await timed("forwardLlliteKept", () => forward({ tap, textKeys }))
textKeys.dispose()
control.dispose()
disposeLllite(lllite)

result.peakRssGiB = peak()
if (!options["no-train"]) {
  const state = initOptimizer(DEFAULT_OPTIMIZER)
  const optimizer = loadOptimizer(model.values, state, DEFAULT_OPTIMIZER)
  const example = () => ({
    width: side,
    height: side,
    latents: stream.normal(latent * latent * 4, { index: index++ }),
    control: { width: side, height: side, data: new Uint8Array(side * side * 3).map((_, i) => (7 * i) % 256) },
    context: stream.normal(77 * config.contextDim, { index: index++ }),
    vector: stream.normal(config.pooledDim + 1536, { index: index++ }),
  })
  const rows = { seed: 1, step: 0, firstRow: 0, examples: Array.from({ length: batch }, example) }
  const sdxl = { ops, unet: params, prediction: "epsilon" }
  const schedule = createNoiseSchedule()
  const step = async (gradientCheckpointing) => {
    const { gradients } = await objective(sdxl, schedule, LLLITE, model, rows, { gradientCheckpointing })
    await optimizer.step(gradients, 1e-4)
  }
  await timed("trainStepRecompute", () => step(true))
  result.peakRssGiBTrainRecompute = peak()
  await timed("trainStep", () => step(false))
  result.peakRssGiBTrain = peak()
}
result.sites = model.adapters.length
console.log(JSON.stringify(result, (_, value) => (typeof value === "number" ? Number(value.toFixed(4)) : value)))

function peak() {
  return process.resourceUsage().maxRSS / 2 ** 20
}

/** Adds the medians of some runs after one that warms up, and the first run's seconds. */
async function timed(name, run) {
  const [wall, cpu] = [[], []]
  for (let i = 0; i <= runs; i++) {
    const [since, used] = [performance.now(), process.cpuUsage()]
    await run()
    const { user, system } = process.cpuUsage(used)
    wall.push((performance.now() - since) / 1000)
    cpu.push((user + system) / 1e6)
  }
  result[name] = median(wall.slice(1))
  result[`${name}Cpu`] = median(cpu.slice(1))
  result[`${name}FirstCpu`] = cpu[0]
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2
}
