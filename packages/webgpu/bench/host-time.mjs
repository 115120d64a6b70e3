// The host's time for a forward pass: SDXL's layers at a tenth of their width, at 128 px, on Dawn without a driver, which
// checks every call and computes nothing. Each is CPU time of this process until all commands are handed over, op by op
// and by the pass's record.
//   npm run build && node packages/webgpu/bench/host-time.mjs [--runs 25]
// One JSON line for each kind of pass: milliseconds, and microseconds for each dispatch, both the median and the least.
import { parseArgs } from "node:util"
import * as tf from "@tensorflow/tfjs"
import { create, globals } from "webgpu"
import { countCalls } from "../../../bench/card/measure/counts.mjs"
import {
  createLllite,
  createTextKeyCache,
  llliteTap,
  loadUnet,
  madeUpEntries,
  prepareControl,
  SDXL_UNET,
  unet,
  uploadLllite,
} from "../../core/dist/models.js"
import { createComposedOps } from "../../core/dist/ops.js"
import { createStream } from "../../core/dist/random.js"
import { sdxlShapes } from "../../core/dist/reference.js"
import { enumerateSites } from "../../format/dist/selections.js"
import { createWebgpuOps, startWebgpu } from "../dist/index.js"

const { values } = parseArgs({ options: { runs: { type: "string", default: "25" } } })
const runs = Number(values.runs)
const SIDE = 128
const layout = { ...SDXL_UNET.layout, modelChannels: 32 }
const config = { ...SDXL_UNET, layout, contextDim: 64, pooledDim: 40 }

Object.assign(globalThis, globals)
if (!("navigator" in globalThis)) Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true })
const gpu = create(["backend=null"])
Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true })
const { device } = await startWebgpu(gpu, { software: true })
const { runPass, ...ops } = createWebgpuOps(createComposedOps())
const { unet: shapes } = await sdxlShapes(config)
const params = await loadUnet({ label: "made up", entries: madeUpEntries(shapes, "F16") }, ops.load)

const stream = createStream(2, "host time")
const normal = (name, ...shape) =>
  tf.tensor(createStream(2, name).normal(shape.reduce((product, side) => product * side, 1)), shape)
const input = {
  latents: normal("latents", 1, SIDE / 8, SIDE / 8, 4),
  timesteps: [500],
  context: normal("context", 1, 77, config.contextDim),
  vector: normal("vector", 1, config.pooledDim + 1536),
}
const lllite = uploadLllite(createLllite(enumerateSites(layout), { condDim: 32, mlpDim: 64 }, stream))
const images = { count: 1, height: SIDE, width: SIDE, data: stream.normal(SIDE * SIDE * 3) }
const control = prepareControl(ops, lllite, images)

const passes = [
  ["forward", {}],
  ["forward, the text's keys kept", { textKeys: createTextKeyCache() }],
  ["forward with LLLite", { tap: llliteTap(ops, lllite, control, 1), textKeys: createTextKeyCache() }],
]
for (const [what, options] of passes) {
  for (const [how, verbs] of [
    ["op by op", ops],
    ["by its record", { ...ops, runPass }],
  ]) {
    const times = []
    let dispatches = 0
    for (let run = 0; run < runs + 5; run++) {
      const stop = countCalls()
      const y = unet(verbs, params, input, options)
      tf.backend().commands.submit()
      dispatches = stop().dispatches
      await device.queue.onSubmittedWorkDone()
      y.dispose()
      // The counting of calls takes time, too.
      const before = process.cpuUsage()
      const z = unet(verbs, params, input, options)
      tf.backend().commands.submit()
      const { user, system } = process.cpuUsage(before)
      await z.data()
      z.dispose()
      if (run >= 5) times.push((user + system) / 1000)
    }
    times.sort((one, other) => one - other)
    const [median, least] = [times[Math.floor(runs / 2)], times[0]]
    const round = (value) => Number(value.toPrecision(3))
    const each = [median, least].map((ms) => round((1000 * ms) / dispatches))
    console.log(JSON.stringify({ what, how, dispatches, ms: round(median), leastMs: round(least), microsEach: each }))
  }
}
// Dawn keeps the process alive.
process.exit()
