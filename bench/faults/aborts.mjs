// Aborts every call of the library that takes a signal at random moments, in one process on the embedded model. Counts how
// each call ended, how long that took, what memory stayed, and whether the runtime still draws the same picture. Needs a
// build.
//   node bench/faults/aborts.mjs [--moments 50] [--only NAME,NAME] [--seed 1]
import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { enumerateSites } from "../../packages/format/dist/selections.js"
import {
  blankImage,
  createNodeRuntime,
  datasetOfFolders,
  openDataset,
  reportDataset,
  writePng,
} from "../../packages/runtime-node/dist/index.js"
import { additionCalls, fileCalls, serverCalls, threadCalls } from "./abort-calls.mjs"
import { startSlowServer } from "./interrupt-servers.mjs"

const { values } = parseArgs({
  options: {
    moments: { type: "string", default: "50" },
    only: { type: "string", default: "" },
    seed: { type: "string", default: "1" },
  },
})
const LLLITE = fileURLToPath(new URL("../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))
let state = Number(values.seed)
const random = () => {
  state = (state * 48271) % 2147483647
  return state / 2147483647
}

const folder = await mkdtemp(join(tmpdir(), "lllite-aborts-"))
const slow = await startSlowServer()
const runtime = await createNodeRuntime({ backend: "wasm" })
try {
  const config = await makePairs()
  const sdxl = await runtime.loadSdxl("tiny")
  const adapter = await runtime.loadAdapter(LLLITE, sdxl)
  const dataset = await openDataset(config)
  const before = await drawing(sdxl)
  const rows = []
  const all = {
    ...calls({ sdxl, adapter, config, dataset }),
    ...(await additionCalls({ folder, runtime, sdxl, dataset })),
    ...fileCalls({ folder, config }),
    ...serverCalls({ folder, slow }),
    ...(await threadCalls({ dataset })),
  }
  for (const [name, call] of Object.entries(all)) {
    if (values.only !== "" && !values.only.split(",").includes(name)) continue
    rows.push(await abortOften(name, call))
    console.log(JSON.stringify(rows.at(-1)))
  }
  const same = before === (await drawing(sdxl))
  console.log(table(rows))
  const settled = await settlesAfterDispose()
  console.log(`After dispose, ${settled} calls that ran were settled.`)
  console.log(`The picture after all of them is ${same ? "the same" : "NOT the same"} as before.`)
  if (!same || rows.some((row) => row.otherError + row.leaked > 0)) process.exitCode = 1
} finally {
  slow.close()
  await runtime.dispose()
  await rm(folder, { recursive: true, force: true })
}

/** Disposes a runtime in the middle of calls of every kind, and waits for all of them. @returns their number */
async function settlesAfterDispose() {
  const own = await createNodeRuntime({ backend: "wasm" })
  const sdxl = await own.loadSdxl("tiny")
  const dataset = await openDataset(await pairsConfig())
  const running = Promise.allSettled([
    own.loadSdxl("tiny"),
    own.loadAdapter(LLLITE, sdxl),
    own.memory(),
    walkAll(sdxl.generate([{ prompt: "a", seed: 1 }], { width: 128, height: 128, steps: 20 })),
    walkAll(sdxl.train(dataset, { ...trainingOf(sdxl), steps: 50 })),
    sdxl.validation(dataset, { seed: 0 }).losses(null),
  ])
  await new Promise((resolve) => setTimeout(resolve, 500))
  await own.dispose()
  return (await running).length
}

async function walkAll(events) {
  for await (const _ of events);
}

/** Calls by name. Each gets a signal. */
function calls({ sdxl, adapter, config, dataset }) {
  const control = blankImage(128, 128, [255, 255, 255])
  const requests = [0, 1, 2].map((seed) => ({ prompt: "a red star", seed }))
  const options = { width: 128, height: 128, steps: 6, guidanceScale: 3, batchSize: 2 }
  const steered = { ...options, adapters: [{ adapter, control, strength: 1 }] }
  const hires = { ...options, hires: { scale: 0.5, steps: 3, strength: 0.6 } }
  const training = trainingOf(sdxl)
  const generate = (given) => walking((signal) => sdxl.generate(requests, { ...given, signal }))
  const train = (given) => walking((signal) => sdxl.train(dataset, { ...training, ...given, signal }))
  return {
    createNodeRuntime: async (signal) => (await createNodeRuntime({ backend: "wasm", signal })).dispose(),
    loadSdxl: async (signal) => (await runtime.loadSdxl("tiny", { signal })).dispose(),
    loadAdapter: async (signal) => (await runtime.loadAdapter(LLLITE, sdxl, { signal })).dispose(),
    generate: generate(options),
    "generate, steered": generate(steered),
    "generate in two stages": generate(hires),
    "generate in tiles": generate({ ...options, tiles: { size: 64, overlap: 16 } }),
    train: train({}),
    "train with gradient checkpointing": train({ objective: { gradientCheckpointing: true } }),
    validation: async (signal) => {
      const validation = sdxl.validation(dataset, { seed: 0 })
      try {
        await validation.losses(null, signal)
      } finally {
        await validation.dispose()
      }
    },
    openDataset: (signal) => openDataset(config, { signal }),
    reportDataset: (signal) => reportDataset(config, { signal }),
  }
}

function trainingOf(sdxl) {
  const sizes = { sites: enumerateSites(sdxl.layout), condDim: 8, mlpDim: 8, learningRate: 1e-3 }
  return { ...sizes, steps: 6, batchSize: 2, seed: 0, stateEvery: 1 }
}

/** A call that walks a generator to its end. Given `leave`, it leaves the loop at the first event after that signal. */
function walking(events) {
  const call = async (signal, leave) => {
    for await (const _ of events(signal)) if (leave?.aborted) return
  }
  return Object.assign(call, { isLoop: true })
}

async function makePairs() {
  for (const name of ["images", "controls"]) {
    await mkdir(join(folder, name))
    for (let i = 0; i < 24; i++) await writePng(join(folder, name, `${i}.png`), blankImage(64, 64, [10 * i, 20, 90]))
  }
  return pairsConfig()
}

function pairsConfig() {
  const [imageDir, conditioningDataDir] = [join(folder, "images"), join(folder, "controls")]
  return datasetOfFolders({ imageDir, conditioningDataDir, resolution: 64 })
}

/** The bytes of a picture. */
async function drawing(sdxl) {
  const options = { width: 64, height: 64, steps: 2, guidanceScale: 2 }
  for await (const event of sdxl.generate([{ prompt: "a ring", seed: 7 }], options)) {
    if (event.kind === "image") return Buffer.from(event.image.data).toString("base64")
  }
}

async function abortOften(name, call) {
  const start = performance.now()
  await call(new AbortController().signal)
  const whole = performance.now() - start
  const held = await runtime.memory()
  const row = { name, seconds: whole / 1000, moments: 0, stopped: 0, finished: 0, otherError: 0, leaked: 0, longest: 0 }
  for (; row.moments < Number(values.moments); row.moments++) {
    const controller = new AbortController()
    const reason = new Error("the reason of this abort")
    let abortedAt = null
    // Every third abort of a generator leaves its loop, and gives no signal.
    const leaves = call.isLoop === true && row.moments % 3 === 2
    const signal = leaves ? new AbortController().signal : controller.signal
    const timer = setTimeout(() => {
      abortedAt = performance.now()
      controller.abort(reason)
    }, random() * whole)
    try {
      await call(signal, leaves ? controller.signal : undefined)
      // A call may have been done when the signal came. A training gives its run.
      if (abortedAt === null || call.isLoop !== true) row.finished++
      else row.stopped++
    } catch (error) {
      if (error === reason) row.stopped++
      else {
        row.otherError++
        console.error(name, error)
      }
    }
    clearTimeout(timer)
    if (abortedAt !== null) row.longest = Math.max(row.longest, (performance.now() - abortedAt) / 1000)
    const { tensors, bytes } = await runtime.memory()
    if (tensors !== held.tensors || bytes !== held.bytes) {
      row.leaked++
      console.error(name, "holds", tensors - held.tensors, "tensors and", bytes - held.bytes, "bytes more")
      Object.assign(held, { tensors, bytes })
    }
  }
  return row
}

function table(rows) {
  const head = "| call | whole call | moments | stopped | finished before | other errors | memory left | longest stop |"
  const line = (row) =>
    `| ${row.name} | ${row.seconds.toFixed(1)} s | ${row.moments} | ${row.stopped} | ${row.finished} | ${row.otherError} | ${row.leaked} | ${row.longest.toFixed(2)} s |`
  return [head, `|${" --- |".repeat(8)}`, ...rows.map(line)].join("\n")
}
