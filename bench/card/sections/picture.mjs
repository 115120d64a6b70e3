// One whole picture and ten training steps of the tiny model on WebGPU, compared with the same on WASM.

import { createNoiseSchedule } from "../../../packages/core/dist/diffusion.js"
import { canny, greyToRgb, rgbToGrey } from "../../../packages/core/dist/image.js"
import { generate } from "../../../packages/core/dist/index.js"
import { createExampleCache, createTrainState, LLLITE, objective, train } from "../../../packages/core/dist/training.js"
import { enumerateSites } from "../../../packages/format/dist/selections.js"
import { loadCheckpoint, startBackend } from "../../../packages/runtime-node/dist/index.js"
import { captionOf, drawScene, judge } from "../../../packages/tiny/dist/index.js"
import { REQUEST, SCENES } from "../tiny-run.mjs"

/** Least decibels, and largest share of the loss. float32 on two devices stays well within them. */
const LEAST_PSNR = 40
const MOST_LOSS_ERROR = 1e-3

export async function run({ quick, built, write }) {
  const sizes = quick ? { side: 64, steps: 2, trainSteps: 2 } : { side: 128, steps: 20, trainSteps: 10 }
  const { LLLITE_CARD_TINY: model = "tiny" } = process.env
  write({ model: model === "tiny" ? (built?.tiny ?? "as it is published") : "as it is published" })
  const results = {}
  for (const backend of ["wasm", "webgpu"]) {
    const started = await startBackend(backend)
    if (backend === "webgpu" && started.device === "CPU" && !quick) {
      throw new Error(
        `the only adapter computes on the CPU (${started.version}). Use a machine with a card, or --quick`,
      )
    }
    const since = performance.now()
    const sdxl = await loadCheckpoint(started.ops, model)
    const picture = await draw(sdxl, sizes)
    const pictureSeconds = seconds(since)
    const trained = await trainSome(sdxl, sizes)
    results[backend] = { picture, ...trained }
    const { right } = judge(picture, REQUEST.prompt)
    write({ backend, version: started.version, ...sizes, prompt: REQUEST.prompt, isRight: right, pictureSeconds })
    write({ backend, losses: trained.losses, stepSeconds: trained.stepSeconds })
    sdxl.dispose()
  }
  const { wasm, webgpu } = results
  const decibels = psnr(webgpu.picture.data, wasm.picture.data)
  const lossError = Math.max(...webgpu.losses.map((loss, i) => Math.abs(loss / wasm.losses[i] - 1)))
  const moved = wasm.values.map((value, i) => value - wasm.initial[i])
  const apart = wasm.values.map((value, i) => value - webgpu.values[i])
  write({ psnr: decibels, lossError, valueError: Number((norm(apart) / norm(moved)).toPrecision(3)) })
  if (!(decibels >= LEAST_PSNR)) throw new Error(`the picture is ${decibels} dB from WASM's, expected ${LEAST_PSNR}`)
  if (!(lossError <= MOST_LOSS_ERROR))
    throw new Error(`a loss differs from WASM's by a share of ${lossError}, expected at most ${MOST_LOSS_ERROR}`)
}

async function draw(sdxl, { side, steps }) {
  const options = { width: side, height: side, steps, guidanceScale: 4 }
  for await (const event of generate(sdxl, [REQUEST], options)) if (event.kind === "image") return event.image
}

async function trainSome(sdxl, { side, trainSteps }) {
  const schedule = createNoiseSchedule()
  const cache = createExampleCache(sdxl, { seed: 1 })
  const examples = []
  for (const [index, scene] of SCENES.entries()) {
    const image = drawScene(scene, side)
    const size = { original: [side, side], crop: [0, 0], target: [side, side] }
    const control = greyToRgb(canny(rgbToGrey(image)))
    examples.push(await cache({ name: `scene ${index}`, image, control, caption: captionOf(scene), size }, index))
  }
  const state = createTrainState(enumerateSites(sdxl.unet.config.layout), { condDim: 8, mlpDim: 8 }, 1)
  const initial = state.model.values.slice()
  const gradients = async (model, tasks) => {
    const parts = []
    for (const { step, firstRow, examples: rows } of tasks) {
      const batch = { step, firstRow, examples: rows.map((index) => examples[index]) }
      parts.push(await objective(sdxl, schedule, LLLITE, model, { ...batch, seed: 1 }))
    }
    return parts
  }
  const [losses, stepSeconds] = [[], []]
  let since = performance.now()
  const options = { steps: trainSteps, batchSize: 1, seed: 1, learningRate: 1e-3 }
  for await (const { loss } of train(state, examples, { gradients }, options)) {
    losses.push(loss)
    stepSeconds.push(seconds(since))
    since = performance.now()
  }
  return { losses, stepSeconds, initial, values: state.model.values.slice() }
}

/** Infinity for equal pictures. */
function psnr(a, b) {
  const square = a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / a.length
  return Number((10 * Math.log10(255 ** 2 / square)).toFixed(1))
}

function norm(values) {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
}

function seconds(since) {
  return Number(((performance.now() - since) / 1000).toFixed(3))
}
