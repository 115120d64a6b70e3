// SDXL's U-Net with made-up weights on WebGPU, and something for it to compute. 5.1 GB of float16, made of a few blocks
// of values that repeat.

// Registers the gradients of tfjs's own ops.
import "@tensorflow/tfjs"
import { createLllite, loadUnet, madeUpEntries, SDXL_UNET } from "../../../packages/core/dist/models.js"
import { createComposedOps } from "../../../packages/core/dist/ops.js"
import { createStream } from "../../../packages/core/dist/random.js"
import { sdxlShapes } from "../../../packages/core/dist/reference.js"
import { enumerateSites } from "../../../packages/format/dist/selections.js"
import {
  checkMatrices,
  checkStorage,
  createWebgpuOps,
  tuneMatrices,
  tuneProducts,
} from "../../../packages/webgpu/dist/index.js"
import { TOGGLES } from "../gpu.mjs"
import { usedMiB } from "../measure/card-memory.mjs"

/** SDXL's structure at a tenth of its width, with fewer layers. */
const TINY_UNET = {
  ...SDXL_UNET,
  layout: { modelChannels: 32, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 },
  contextDim: 64,
  pooledDim: 40,
}

/**
 * Starts WebGPU as the packages do, products tuned to the card, and loads the U-Net. Writes a row of that. Null where the
 * card cannot compute in the precision, with a row that says why.
 */
export async function loadMadeUp({ quick, start, write, precision = "F32" }) {
  const before = await usedMiB()
  const { device, trim, matrices } = await start(precision === "F16" ? TOGGLES : [])
  const problem = precision === "F16" ? await problemOfHalf(matrices) : null
  if (problem !== null) {
    write({ skipped: problem })
    return null
  }
  // In software, tuning takes minutes and is of no use.
  const tiles = quick ? undefined : await (precision === "F16" ? tuneMatrices() : tuneProducts())
  const ops = createWebgpuOps(createComposedOps(), { weights: "file", precision, ...(tiles && { tiles }) })
  const config = quick ? TINY_UNET : SDXL_UNET
  const { unet: shapes } = await sdxlShapes(config)
  const since = performance.now()
  const params = await loadUnet({ label: "made up", entries: madeUpEntries(shapes, "F16") }, ops.load)
  await device.queue.onSubmittedWorkDone()
  const loadSeconds = (performance.now() - since) / 1000
  const model = createLllite(enumerateSites(config.layout), { condDim: 32, mlpDim: 64 }, createStream(3, "init"))
  const parameters = [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0)
  const sites = model.adapters.length
  write({
    parameters,
    sites,
    precision,
    // Dawn's objects have no JSON.
    ...(precision === "F16" ? { matrices: matrices.map(({ M, N, K }) => ({ M, N, K })) } : {}),
    tiles: tiles ?? "usual",
    loadSeconds,
    cardMiB: await usedMiB(),
    cardMiBBefore: before,
  })
  return { config, device, trim, ops, params, model }
}

/** What is wrong with float16 between layers, or with products on subgroup matrices where the card has them. */
async function problemOfHalf(matrices) {
  return (await checkStorage()) ?? (matrices.length > 0 ? await checkMatrices() : null)
}

/** Values that depend on how many were asked for before. */
export function startValues() {
  const stream = createStream(2, "inputs")
  let index = 0
  return (...shape) =>
    stream.normal(
      shape.reduce((product, size) => product * size, 1),
      { index: index++ },
    )
}

/** Sides of the pictures, in pixels. The smaller first: where memory ends at the larger one, the other is known. */
export const sidesOf = (quick) => (quick ? [128] : [512, 1024])
