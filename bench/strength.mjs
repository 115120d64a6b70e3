#!/usr/bin/env node
// Edge F1 of an LLLite on the embedded tiny SDXL at several strengths, and the sites that its health check names.
//   node bench/strength.mjs FILE [--strengths 0,0.25,0.5,0.75,1] [--pictures 24] [--backend tensorflow|wasm]
// Without FILE it trains one first, on pairs of which a share has the control of another picture at each step.
//   node bench/strength.mjs [--out strength.safetensors] [--steps 160] [--batch 8] [--rate 2e-3] [--epsilon 1e-8]
//     [--decay 0.01] [--mismatched 0] [--min 1] [--floor 0] [--top 1] [--power 1] [--skew 1] [--gap 0] [--limit]
//     [--fall 0] [--sites default] [--keys .]
// --min, --floor, --top, --power, --skew and --gap are min_strength, strength_floor, strength_top, strength_power,
// strength_skew and strength_gap of `lllite train`. --limit is its site_limit. --fall is the share of the steps at the end in which the
// rate falls to 0. --sites names a selection of sites, such as outputBlocks. --keys is a pattern for their keys.
import { openAsBlob } from "node:fs"
import { parseArgs } from "node:util"
import { createNoiseSchedule } from "../packages/core/dist/diffusion.js"
import { canny, edgeF1, greyToRgb, rgbToGrey } from "../packages/core/dist/image.js"
import { generate } from "../packages/core/dist/index.js"
import { disposeLllite, uploadLllite } from "../packages/core/dist/models.js"
import { createStream } from "../packages/core/dist/random.js"
import {
  cacheDataset,
  createTrainState,
  LLLITE,
  limitingValues,
  limitSites,
  objective,
  train,
} from "../packages/core/dist/training.js"
import { checkLllite } from "../packages/format/dist/health.js"
import { readLllite } from "../packages/format/dist/index.js"
import { buildLlliteMetadata } from "../packages/format/dist/modelspec.js"
import { enumerateSites, NAMED_SELECTIONS } from "../packages/format/dist/selections.js"
import { loadCheckpoint, readLlliteFile, startBackend, writeLlliteFile } from "../packages/runtime-node/dist/index.js"
import { cannyThresholds, datasetOfPairs, heldOutDrawing, trainingDrawing } from "../packages/tiny/dist/index.js"

const PAIRS = 96
const SEED = 0
/** The timesteps that the demo trains. */
const TIMESTEPS = { minTimestep: 400, maxTimestep: 1000 }
/** How the demo draws. */
const DRAWING = { width: 128, height: 128, steps: 15, guidanceScale: 1.5, sampler: "euler" }
/** Pictures of one batch. */
const BATCH = 4

const string = (fallback) => ({ type: "string", default: fallback })
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...{ strengths: string("0,0.25,0.5,0.75,1"), pictures: string("24"), backend: string("tensorflow") },
    ...{ steps: string("160"), batch: string("8"), rate: string("2e-3"), epsilon: string("1e-8") },
    ...{ decay: string("0.01"), min: string("1"), floor: string("0"), top: string("1"), power: string("1") },
    ...{ skew: string("1"), gap: string("0"), fall: string("0"), limit: { type: "string" } },
    ...{ sites: string("default"), keys: string("."), mismatched: string("0"), out: string("strength.safetensors") },
  },
})
const { ops } = await startBackend(options.backend)
const sdxl = await loadCheckpoint(ops, "tiny")

const edgesOf = (image) => canny(rgbToGrey(image), cannyThresholds)
const pairOf = (index, { image, caption }) => ({
  ...{ name: `drawing ${index}`, image, caption },
  control: greyToRgb(edgesOf(image)),
})

async function trainNew() {
  const pairs = datasetOfPairs(PAIRS, (index) => pairOf(index, trainingDrawing(index)))
  const caching = cacheDataset(sdxl, pairs, { seed: SEED })
  let next = await caching.next()
  while (next.done !== true) next = await caching.next()
  const examples = next.value
  const controls = examples.map(({ control }) => control)
  const named = enumerateSites(sdxl.unet.config.layout, NAMED_SELECTIONS[options.sites])
  const sites = named.filter(({ key }) => new RegExp(options.keys).test(key))
  const optimizer = { name: "adamw", epsilon: Number(options.epsilon), weightDecay: Number(options.decay) }
  const names = ["min", "floor", "top", "power", "skew", "gap"]
  const strengthRange = Object.fromEntries(names.map((name) => [name, Number(options[name])]))
  const aim = { ...TIMESTEPS, ...(strengthRange.min === 1 ? {} : { strengthRange }) }
  const state = createTrainState(sites, { condDim: 32, mlpDim: 64 }, SEED, { controls, optimizer })
  const draws = createStream(SEED, "order")
  const schedule = createNoiseSchedule()
  const gradients = (model, tasks) =>
    Promise.all(
      tasks.map(({ step, firstRow, examples: indices }) => {
        const chances = draws.uniform(2 * indices.length, { step, index: 7 }).subarray(indices.length)
        const rows = indices.map((place, row) => {
          const isMismatched = (chances[row] ?? 1) < Number(options.mismatched)
          return isMismatched ? { ...examples[place], control: controls[(place + 31) % PAIRS] } : examples[place]
        })
        return objective(sdxl, schedule, LLLITE, model, { seed: SEED, step, firstRow, examples: rows }, aim)
      }),
    )
  const settings = { steps: Number(options.steps), batchSize: Number(options.batch), seed: SEED, optimizer }
  const { limit } = options
  const machine = {
    gradients,
    ...(limit === undefined
      ? {}
      : { afterUpdate: (model) => limitSites(model, Number(limit), limitingValues(controls)) }),
  }
  const decaySteps = Math.round(settings.steps * Number(options.fall))
  const lr = { curve: "warmup_stable_decay", decaySteps, fall: "linear" }
  const run = train(state, examples, machine, { ...settings, learningRate: Number(options.rate), lr })
  let losses = 0
  for await (const { step, loss } of run) {
    losses += loss / 20
    if (step % 20 !== 0) continue
    console.log(`step ${step}: loss ${losses.toFixed(4)}`)
    losses = 0
  }
  const metadata = buildLlliteMetadata({
    ...{ title: "lllite-canny", description: "Canny edges, for the tiny SDXL", preprocessor: "canny" },
    resolution: { width: DRAWING.width, height: DRAWING.height },
    timestepRange: [TIMESTEPS.minTimestep, TIMESTEPS.maxTimestep],
  })
  await writeLlliteFile(options.out, state.model, { dtype: "F16", metadata })
  return options.out
}

/** Mean and standard error of edge F1 over held-out controls. */
async function f1At(lllite, strength, pairs) {
  const scores = []
  for (let first = 0; first < pairs.length; first += BATCH) {
    const part = pairs.slice(first, first + BATCH)
    const requests = part.map(({ caption }, i) => ({ prompt: caption, seed: SEED + first + i }))
    const adapters = [{ lllite, control: part.map(({ control }) => control), strength }]
    for await (const event of generate(sdxl, requests, { ...DRAWING, adapters })) {
      if (event.kind !== "image") continue
      scores.push(edgeF1(edgesOf(event.image), edgesOf(part[event.index].image)).f1)
    }
  }
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length
  const squares = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0)
  return { strength, f1: mean, error: Math.sqrt(squares / (scores.length - 1) / scores.length) }
}

const path = positionals[0] ?? (await trainNew())
const { sites, findings } = await checkLllite(await readLllite(await openAsBlob(path)))
for (const { code, sites: keys } of findings) console.log(`health: ${code} at ${keys.length} sites`)
console.log(`largest strength by the health check: ${Math.max(...sites.map((site) => site.strength)).toFixed(2)}`)
const lllite = uploadLllite(await readLlliteFile(path, sdxl.unet.config.layout))
const pairs = Array.from({ length: Number(options.pictures) }, (_, index) => pairOf(index, heldOutDrawing(index)))
for (const strength of options.strengths.split(",").map(Number)) {
  const { f1, error } = await f1At(lllite, strength, pairs)
  console.log(`strength ${strength}: edge F1 ${f1.toFixed(3)} ± ${error.toFixed(3)}`)
}
disposeLllite(lllite)
