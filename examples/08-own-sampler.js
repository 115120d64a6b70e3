// A sampler of your own: any function from a denoiser, a start and noise levels to a sample. This one is Euler's.
//   node examples/08-own-sampler.js
import {
  createLatentDenoiser,
  createNoiseSource,
  decodePictures,
  encodeConditions,
  planSampling,
  startFromNoise,
} from "@lllite/core"
import { loadCheckpoint, startBackend, writePng } from "@lllite/runtime-node"
import * as tf from "@tensorflow/tfjs-core"

const { ops } = await startBackend("wasm")
const sdxl = await loadCheckpoint(ops, "tiny")

/** @type {import("@lllite/core/diffusion").SizeCondition} */
const size = { original: [128, 128], crop: [0, 0], target: [128, 128] }
const conditions = encodeConditions(sdxl, [{ prompt: "a large red star" }], { guided: true, size })
const plan = planSampling({ steps: 8 })
const { sigmas } = plan.levels
const noise = createNoiseSource("lllite", [{ seed: 7 }], [16, 16, 4], sigmas)
const denoise = createLatentDenoiser(sdxl, conditions, plan, { guidanceScale: 1.5 })

let x = startFromNoise(plan, noise.start())
for (const [step, next] of sigmas.slice(1).entries()) {
  const sigma = Number(sigmas[step])
  const denoised = await denoise(x, sigma, { step, steps: sigmas.length - 1, between: false })
  // The way from x to the estimate, as far as the noise falls in this step.
  x = tf.tidy(() => tf.add(denoised, tf.mul(tf.sub(x, denoised), next / sigma)))
}
for await (const image of decodePictures(sdxl, x)) await writePng("08-own-sampler.png", image)
