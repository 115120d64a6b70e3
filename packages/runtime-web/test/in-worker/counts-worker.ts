import { createTextKeyCache, loadUnet, madeUpEntries, unet } from "@lllite/core/models"
import { createComposedOps, registerGradients } from "@lllite/core/ops"
import { sdxlShapes } from "@lllite/core/reference"
import { createWebgpuOps, startWebgpu } from "@lllite/webgpu"
import * as tf from "@tensorflow/tfjs-core"
import { countCalls } from "../../../../bench/card/measure/counts.mjs"
import type { PassCounts } from "./tasks.ts"

/** SDXL's layers, a tenth as wide, as in `packages/webgpu/test/counts.test.ts`. */
const CONFIG = {
  layout: { modelChannels: 32, channelMult: [1, 2, 4], transformerDepth: [0, 2, 10], middleDepth: 10 },
  ...{ contextDim: 16, pooledDim: 8, headDim: 64, inChannels: 4, outChannels: 4 },
} as const

const LATENT = 16

/** Counts WebGPU's calls in the third of three passes that keep the text's keys and values. */
async function countPass(): Promise<PassCounts> {
  await registerGradients()
  const { device } = await startWebgpu(navigator.gpu, { software: true })
  const ops = createWebgpuOps(createComposedOps())
  const { unet: shapes } = await sdxlShapes(CONFIG)
  const params = await loadUnet({ label: "made up", entries: madeUpEntries(shapes, "F32") }, ops.load)
  const input = {
    latents: tf.zeros<tf.Rank.R4>([1, LATENT, LATENT, 4]),
    context: tf.zeros<tf.Rank.R3>([1, 77, CONFIG.contextDim]),
    vector: tf.zeros<tf.Rank.R2>([1, CONFIG.pooledDim + 1536]),
    timesteps: [500],
  }
  const textKeys = createTextKeyCache()
  const pass = async (): Promise<void> => {
    const y = unet(ops, params, input, { textKeys })
    await y.data()
    y.dispose()
  }
  await pass()
  await pass()
  const stop = countCalls()
  await pass()
  return { ...stop(), boundBuffers: device.limits.maxStorageBuffersPerShaderStage }
}

globalThis.onmessage = async () => globalThis.postMessage(await countPass())
