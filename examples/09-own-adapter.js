// An adapter of your own: a tap stands before and after the layers of the U-Net. This one weakens the text.
//   node examples/09-own-adapter.js
import {
  createNoiseSource,
  decodePictures,
  encodeConditions,
  planSampling,
  startFromNoise,
  walkLatents,
} from "@lllite/core"
import { createDenoiser } from "@lllite/core/diffusion"
import { unet } from "@lllite/core/models"
import { loadCheckpoint, startBackend, writePng } from "@lllite/runtime-node"
import * as tf from "@tensorflow/tfjs-core"

/** @type {import("@lllite/core/models").Tap} */
const tap = {
  has: ({ path }) => path.endsWith("attn2.to_out.0"), // what cross attention adds to the picture
  after: (_layers, _xs, ys) => ys.map((y) => tf.mul(y, 0.5)),
}

const { ops } = await startBackend("wasm")
const sdxl = await loadCheckpoint(ops, "tiny")
/** @type {import("@lllite/core/diffusion").SizeCondition} */
const size = { original: [128, 128], crop: [0, 0], target: [128, 128] }
const { context, vector } = encodeConditions(sdxl, [{ prompt: "a large red star" }], { guided: false, size })
const plan = planSampling({ steps: 8 })
const noise = createNoiseSource("lllite", [{ seed: 7 }], [16, 16, 4], plan.levels.sigmas)
/** @type {import("@lllite/core/diffusion").Network} */
const network = (x, { timestep }) => {
  const input = { latents: /** @type {tf.Tensor4D} */ (x), timesteps: [timestep], context, vector }
  return unet(ops, sdxl.unet, input, { tap })
}
const denoise = createDenoiser(network, { prediction: sdxl.prediction, timestepOf: plan.levels.timestepOf })

const walk = walkLatents(plan, denoise, startFromNoise(plan, noise.start()))
let next = await walk.next()
while (!next.done) next = await walk.next()
for await (const image of decodePictures(sdxl, next.value)) await writePng("09-own-adapter.png", image)
