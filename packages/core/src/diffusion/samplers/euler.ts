import * as tf from "@tensorflow/tfjs-core"
import { type Sampler, walk } from "./sampler.ts"

/**
 * Euler's method on dx/dsigma = (x - denoised) / sigma: one evaluation per step, first order.
 *
 * Source: Karras et al. 2022 (arXiv:2206.00364), algorithm 1 without the correction.
 */
export const sampleEuler: Sampler = (denoise, start, sigmas) =>
  walk(denoise, start, sigmas, ({ index, x, denoised }) => {
    const sigma = sigmas[index] as number
    const next = sigmas[index + 1] as number
    return tf.tidy(() => tf.add(x, tf.mul(tf.sub(x, denoised), (next - sigma) / sigma)))
  })
