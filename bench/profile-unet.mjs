#!/usr/bin/env node
// Reports how much time TensorFlow's ops and graphs take in SDXL's U-Net: in a forward pass, or with --train in the
// gradients of a training step. The rest of the time is JavaScript's.
//   node bench/profile-unet.mjs [--latent 32] [--dtype f32|bf16] [--weights F16|BF16|F32] [--train]
import { parseArgs } from "node:util"
import * as tf from "@tensorflow/tfjs"
import { createNoiseSchedule } from "../packages/core/dist/diffusion.js"
import { createLllite, loadUnet, madeUpEntries, SDXL_UNET, unet } from "../packages/core/dist/models.js"
import { createStream } from "../packages/core/dist/random.js"
import { sdxlShapes } from "../packages/core/dist/reference.js"
import { LLLITE, objective } from "../packages/core/dist/training.js"
import { enumerateSites } from "../packages/format/dist/selections.js"
import { startBackend } from "../packages/runtime-node/dist/index.js"

const { values: options } = parseArgs({
  options: {
    latent: { type: "string", default: "32" },
    dtype: { type: "string", default: "f32" },
    weights: { type: "string", default: "F16" },
    train: { type: "boolean", default: false },
  },
})
const latent = Number(options.latent)
const precision = { f32: "F32", bf16: "BF16" }[options.dtype]
if (precision === undefined) throw new Error(`--dtype is ${options.dtype}, expected f32 or bf16`)

/** Of every op while it is measured: milliseconds and calls. */
const spent = new Map()
let isMeasured = false
watchAddon()

const { ops } = await startBackend("tensorflow", { precision })
const { unet: shapes } = await sdxlShapes(SDXL_UNET)
const params = await loadUnet({ label: "made up", entries: madeUpEntries(shapes, options.weights) }, ops.load)
const stream = createStream(2, "profile")
let index = 0
const normal = (length) => stream.normal(length, { index: index++ })
const work = options.train ? trainStep() : forward()

// The first run makes oneDNN's kernels.
await work()
isMeasured = true
const since = performance.now()
await work()
const total = performance.now() - since

const rows = [...spent].sort(([, a], [, b]) => b.ms - a.ms)
const native = rows.reduce((sum, [, { ms }]) => sum + ms, 0)
const calls = rows.reduce((sum, [, { calls }]) => sum + calls, 0)
console.log(
  `${total.toFixed(0)} ms, of which ${native.toFixed(0)} in ${calls} ops and graphs, and ${(total - native).toFixed(0)} in JavaScript`,
)
for (const [name, { ms, calls }] of rows.slice(0, 16)) {
  console.log(`${name.padEnd(24)} ${ms.toFixed(0).padStart(6)} ms ${String(calls).padStart(6)} calls`)
}

function forward() {
  const input = {
    latents: tf.tensor4d(normal(4 * latent ** 2), [1, latent, latent, 4]),
    timesteps: [500],
    context: tf.tensor3d(normal(77 * SDXL_UNET.contextDim), [1, 77, SDXL_UNET.contextDim]),
    vector: tf.tensor2d(normal(SDXL_UNET.pooledDim + 1536), [1, SDXL_UNET.pooledDim + 1536]),
  }
  return async () => {
    const y = unet(ops, params, input)
    await y.data()
    y.dispose()
  }
}

function trainStep() {
  const model = createLllite(enumerateSites(SDXL_UNET.layout), { condDim: 32, mlpDim: 64 }, createStream(3, "init"))
  const side = 8 * latent
  const example = {
    width: side,
    height: side,
    latents: normal(4 * latent ** 2),
    control: { width: side, height: side, data: new Uint8Array(side * side * 3).map((_, i) => (7 * i) % 256) },
    context: normal(77 * SDXL_UNET.contextDim),
    vector: normal(SDXL_UNET.pooledDim + 1536),
  }
  const sdxl = { ops, unet: params, prediction: "epsilon" }
  const batch = { seed: 1, step: 0, firstRow: 0, examples: [example] }
  return () => objective(sdxl, createNoiseSchedule(), LLLITE, model, batch, { gradientCheckpointing: true })
}

/** Counts the calls of tfjs-node's addon, through which all of TensorFlow's ops go. */
function watchAddon() {
  const open = process.dlopen
  process.dlopen = (module, ...rest) => {
    open.call(process, module, ...rest)
    const addon = module.exports
    if (addon?.executeOp === undefined) return
    const timed = (name, run) => {
      const begun = performance.now()
      const result = run()
      if (isMeasured) {
        const { ms, calls } = spent.get(name) ?? { ms: 0, calls: 0 }
        spent.set(name, { ms: ms + performance.now() - begun, calls: calls + 1 })
      }
      return result
    }
    const watched = {
      executeOp: (name, ...args) => timed(name, () => addon.executeOp(name, ...args)),
      // A graph of a whole part of the network, by the number of its inputs.
      runSavedModel: (id, inputs, ...args) =>
        timed(`a graph of ${inputs.length} inputs`, () => addon.runSavedModel(id, inputs, ...args)),
    }
    // The addon's properties cannot be replaced or listed. Its functions need it as `this`.
    module.exports = new Proxy({}, { get: (_, key) => watched[key] ?? bound(addon, key) })
  }
}

function bound(addon, key) {
  return typeof addon[key] === "function" ? addon[key].bind(addon) : addon[key]
}
