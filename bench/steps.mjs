#!/usr/bin/env node
// Runs many training steps on the embedded tiny SDXL. Reports the tensors and bytes that tfjs holds, and the process's
// memory. Exits 1 if tfjs holds more at the end than after the first step.
//   node bench/steps.mjs [--steps 1000] [--backend tensorflow|wasm]
import { parseArgs } from "node:util"
import * as tf from "@tensorflow/tfjs"
import { createNoiseSchedule } from "../packages/core/dist/diffusion.js"
import { createExampleCache, createTrainState, LLLITE, objective, train } from "../packages/core/dist/training.js"
import { enumerateSites } from "../packages/format/dist/selections.js"
import { blankImage, loadCheckpoint, startBackend } from "../packages/runtime-node/dist/index.js"

const { values: options } = parseArgs({
  options: { steps: { type: "string", default: "1000" }, backend: { type: "string", default: "tensorflow" } },
})
const steps = Number(options.steps)
const { ops } = await startBackend(options.backend)
const sdxl = await loadCheckpoint(ops, "tiny")
const schedule = createNoiseSchedule()
const cache = createExampleCache(sdxl, { seed: 1 })
const image = blankImage(64, 64, [200, 100, 50])
const size = { original: [64, 64], crop: [0, 0], target: [64, 64] }
const example = await cache({ name: "one", image, control: image, caption: "a square", size }, 0)
const state = createTrainState(enumerateSites(sdxl.unet.config.layout), { condDim: 8, mlpDim: 8 }, 1)
const gradients = (model, tasks) =>
  Promise.all(
    tasks.map(({ step, firstRow, examples }) =>
      objective(sdxl, schedule, LLLITE, model, { seed: 1, step, firstRow, examples: examples.map(() => example) }),
    ),
  )
let first = null
let held = null
for await (const { step } of train(
  state,
  [example],
  { gradients },
  { steps, batchSize: 1, seed: 1, learningRate: 1e-4 },
)) {
  const { numTensors, numBytes } = tf.memory()
  held = { numTensors, numBytes }
  first ??= held
  if (step % Math.max(1, Math.floor(steps / 10)) === 0) {
    console.log(JSON.stringify({ step, ...held, rssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20) }))
  }
}
const isConstant = held.numTensors === first.numTensors && held.numBytes === first.numBytes
console.log(isConstant ? `${steps} steps left tf.memory() as the first did` : "tf.memory() has grown")
process.exitCode = isConstant ? 0 : 1
