import * as tf from "@tensorflow/tfjs-core"
import { ancestralStep, lend, requireNoise, type Sampler, straight, walk } from "./sampler.ts"

/**
 * Euler's method below the next level, and fresh noise back up to it: first order, one evaluation per step.
 *
 * Source: k-diffusion `sample_euler_ancestral`, eta 1.
 *
 * @throws CoreError without a source of noise.
 */
export const sampleEulerAncestral: Sampler = (denoise, start, sigmas, noise) => {
  const noiseOf = requireNoise("euler_a", noise)
  return walk(denoise, start, sigmas, {
    advance({ index, nextSigma, ...point }) {
      const { down, up } = ancestralStep(point.sigma, nextSigma)
      const lowered = straight(point, down)
      if (up === 0) return lowered
      return lend(lowered, () => lend(noiseOf(index), (unit) => tf.tidy(() => tf.add(lowered, tf.mul(unit, up)))))
    },
  })
}
