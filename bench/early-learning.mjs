#!/usr/bin/env node
// How soon an LLLite on the embedded tiny SDXL follows its control: runs by the runtime's `train`, which `lllite train`
// also calls, measured on held-out pairs every few steps. Pictures are drawn every --draw steps. Each measurement is one
// line of JSON.
//   node bench/early-learning.mjs [--task edges|depth|colour] [--steps 80] [--every 20] [--draw 40] [--batch 4]
//     [--pairs 64] [--pictures 8] [--size 128] [--backend tensorflow|wasm] [--deltas] [--out FOLDER] RUN...
// A run is a text such as "rate=2e-3 seed=1 init=normalised timesteps=400-1000 snr=5 ema conditioner=10". "" is
// sd-scripts' start. snr is min_snr_gamma. conditioner, down, mid and up are factors on the rate of a part. from is an
// LLLite to begin with.
// --deltas also measures what the sites add to their inputs, how much of it depends on the control, and how far the values
// of each part moved since the measurement before, in learning rates (root mean square).
import { join } from "node:path"
import { parseArgs } from "node:util"
import { createNoiseSchedule } from "../packages/core/dist/diffusion.js"
import { resizeImage } from "../packages/core/dist/image.js"
import { beginTraining, createTrainState, LLLITE } from "../packages/core/dist/training.js"
import { enumerateSites } from "../packages/format/dist/selections.js"
import {
  createNodeRuntime,
  loadCheckpoint,
  readLlliteFile,
  startBackend,
  writeLlliteFile,
} from "../packages/runtime-node/dist/index.js"
import { datasetOfPairs, heldOutDrawing, trainingDrawing } from "../packages/tiny/dist/index.js"
import { siteDeltas } from "./early-learning/site-deltas.mjs"
import { TASKS } from "./early-learning/tasks.mjs"

/** Widths of adapters, as the demo has them. */
const ADAPTER = { condDim: 32, mlpDim: 64 }
/** How pictures are drawn to be measured. */
const DRAWING = { steps: 10, guidanceScale: 1.5, sampler: "euler" }

const string = (fallback) => ({ type: "string", default: fallback })
const { values: options, positionals: runs } = parseArgs({
  allowPositionals: true,
  options: {
    ...{ task: string("edges"), steps: string("80"), every: string("20"), draw: string("40") },
    ...{
      batch: string("4"),
      pairs: string("64"),
      pictures: string("8"),
      size: string("128"),
      backend: string("tensorflow"),
    },
    ...{ deltas: { type: "boolean", default: false }, out: { type: "string" } },
  },
})
const task = TASKS[options.task]
if (task === undefined)
  throw new Error(`there is no task "${options.task}". There are: ${Object.keys(TASKS).join(", ")}`)
const [steps, every, size] = [options.steps, options.every, options.size].map(Number)

function pairOf(index, { image: drawing, caption }) {
  const image = resizeImage(drawing, size, size, "area")
  return { name: `drawing ${index}`, image, caption, control: task.control(image) }
}
const trained = datasetOfPairs(Number(options.pairs), (index) => pairOf(index, trainingDrawing(index)))
const count = Number(options.pictures)
const held = Array.from({ length: count }, (_, index) => pairOf(index, heldOutDrawing(index)))
const runtime = await createNodeRuntime({ backend: options.backend })
const sdxl = await runtime.loadSdxl("tiny")
const validation = sdxl.validation(
  datasetOfPairs(count, (index) => held[index]),
  { seed: 0, objective: {} },
)

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length
const spread = (values) =>
  Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)) / Math.max(1, values.length - 1))
const rounded = (value, digits = 4) => Number(value.toPrecision(digits))

/** How well drawn pictures follow their controls. */
async function following(model) {
  const adapter = model === null ? null : await runtime.loadAdapter(model, sdxl)
  const scores = []
  const requests = held.map(({ caption }, i) => ({ prompt: caption, seed: i }))
  const adapters = adapter === null ? [] : [{ adapter, control: held.map(({ control }) => control) }]
  for await (const event of sdxl.generate(requests, { ...DRAWING, width: size, height: size, adapters })) {
    if (event.kind === "image") scores[event.index] = task.score(event.image, held[event.index].image)
  }
  await adapter?.dispose()
  return { follow: rounded(mean(scores)), error: rounded(spread(scores), 2) }
}

const deltaMeter = options.deltas ? await createDeltas() : null

async function createDeltas() {
  const { ops } = await startBackend("wasm")
  return siteDeltas(await loadCheckpoint(ops, "tiny"), createNoiseSchedule(), held.slice(0, 8))
}

const lossesWithout = await validation.losses(null)
const without = mean(lossesWithout.flat())

async function measure(step, model, losses) {
  const found = await validation.losses(model)
  const byTimestep = found[0].map((_, t) => mean(found.map((row) => row[t])) / mean(lossesWithout.map((row) => row[t])))
  return {
    ...{
      step,
      ...(step % Number(options.draw) === 0 ? await following(model) : {}),
      loss: rounded(mean(found.flat()) / without),
    },
    ...{ byTimestep: byTimestep.map((value) => rounded(value)), trained: rounded(mean(losses)), cpu: cpuSeconds() },
    ...(deltaMeter === null ? {} : { deltas: await deltaMeter(model) }),
  }
}

function cpuSeconds() {
  const { user, system } = process.cpuUsage()
  return Math.round((user + system) / 1e6)
}

/** The options of a run, see above. */
function runOf(text) {
  const given = Object.fromEntries(text.split(" ").map((part) => /^([^=]*)(?:=(.*))?$/.exec(part)?.slice(1) ?? []))
  const { seed = 0, rate = 2e-3, init = "default", timesteps = "0-1000", snr, epsilon = 1e-8 } = given
  const [minTimestep, maxTimestep] = timesteps.split("-").map(Number)
  const factor = (part) => Number(given[part] ?? 1)
  return {
    ...{ seed: Number(seed), learningRate: Number(rate), init, optimizer: { name: "adamw", epsilon: Number(epsilon) } },
    objective: { minTimestep, maxTimestep, ...(snr === undefined ? {} : { weights: { minSnrGamma: Number(snr) } }) },
    partRates: { conditioning1: factor("conditioner"), down: factor("down"), mid: factor("mid"), up: factor("up") },
    ...(given.from === undefined ? {} : { from: given.from }),
    ...("ema" in given ? { ema: given.ema === undefined ? {} : { decay: Number(given.ema) } } : {}),
  }
}

/** Root mean square of the moves of each part. */
function moves(model, before, learningRate) {
  const sums = {}
  for (const { group, offset, size } of LLLITE.parts(model)) {
    sums[group] ??= { squares: 0, count: 0 }
    for (let i = offset; i < offset + size; i++) sums[group].squares += (model.values[i] - before[i]) ** 2
    sums[group].count += size
  }
  const rms = Object.entries(sums).map(([group, { squares, count }]) => [group, Math.sqrt(squares / count)])
  return Object.fromEntries(rms.map(([group, value]) => [group, rounded(value / learningRate, 3)]))
}

/** The state that a run begins with. */
async function initialState({ seed, init, optimizer, from }) {
  if (from !== undefined) return beginTraining(await readLlliteFile(from, sdxl.layout), optimizer)
  const examples = await Promise.all(Array.from({ length: trained.count }, (_, index) => trained.example(index)))
  const controls = init === "normalised" ? examples.map(({ control }) => control) : []
  return createTrainState(enumerateSites(sdxl.layout), ADAPTER, seed, { controls, optimizer })
}

async function trainAndMeasure(text) {
  const run = runOf(text)
  const initial = await initialState(run)
  const training = sdxl.train(trained, {
    ...{ ...ADAPTER, ...run, initial, steps, batchSize: Number(options.batch) },
    ...{ sites: enumerateSites(sdxl.layout), stateEvery: every },
  })
  let losses = []
  let before = initial.model.values.slice()
  for await (const event of training) {
    if (event.kind !== "step") continue
    losses.push(event.loss)
    if (event.state === null) continue
    const { model, ema } = event.state
    const lllite = { ...model, values: (ema ?? model.values).slice() }
    const measured = await measure(event.step, lllite, losses)
    const moved = options.deltas ? { moved: moves(model, before, run.learningRate) } : {}
    console.log(JSON.stringify({ run: text, ...measured, ...moved }))
    losses = []
    before = model.values.slice()
    if (event.step < steps || options.out === undefined) continue
    const name = `${options.task} ${text}`.replaceAll(/[^\w.=-]+/g, "_")
    await writeLlliteFile(join(options.out, `${name}.safetensors`), lllite, { dtype: "F32" })
  }
}

const chance = mean(held.map(({ image }, i) => task.score(held[(i + 1) % count].image, image)))
const real = mean(held.map(({ image }) => task.score(image, image)))
console.log(JSON.stringify({ options, real: rounded(real), chance: rounded(chance), ...(await following(null)) }))
for (const run of runs) await trainAndMeasure(run)
await validation.dispose()
await runtime.dispose()
