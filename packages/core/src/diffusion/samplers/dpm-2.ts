import * as tf from "@tensorflow/tfjs-core"
import { ancestralStep, derivative, lend, requireNoise, type Sampler, straight, walk } from "./sampler.ts"

/**
 * DPM-Solver-2: a step with the slope at the geometric middle of its levels. Second order, two evaluations per step
 * but the one to sigma 0.
 *
 * Source: Lu et al. 2022 (arXiv:2206.00927), algorithm 1, in the form of k-diffusion's `sample_dpm_2`.
 */
export const sampleDpm2: Sampler = (denoise, start, sigmas) =>
  walk(denoise, start, sigmas, {
    advance({ nextSigma, ...point }) {
      if (nextSigma === 0) return straight(point, 0)
      const middle = Math.sqrt(point.sigma * nextSigma)
      return lend(straight(point, middle), async (x) =>
        lend(await denoise(x, middle), (denoised) =>
          tf.tidy(() => tf.add(point.x, tf.mul(derivative({ sigma: middle, x, denoised }), nextSigma - point.sigma))),
        ),
      )
    },
  })

/**
 * DPM-Solver-2 below the next level, and fresh noise back up to it.
 *
 * Source: k-diffusion `sample_dpm_2_ancestral`, eta 1.
 *
 * @throws CoreError without a source of noise.
 */
export const sampleDpm2Ancestral: Sampler = (denoise, start, sigmas, noise) => {
  const noiseOf = requireNoise("dpm_2_a", noise)
  return walk(denoise, start, sigmas, {
    advance({ index, nextSigma, ...point }) {
      if (nextSigma === 0) return straight(point, 0)
      const { down, up } = ancestralStep(point.sigma, nextSigma)
      // The geometric middle of sigma and down = nextSigma² / sigma.
      const middle = nextSigma
      return lend(straight(point, middle), async (x) =>
        lend(await denoise(x, middle), (denoised) =>
          lend(noiseOf(index), (unit) =>
            tf.tidy(() => {
              const slope = derivative({ sigma: middle, x, denoised })
              const lowered = tf.add(point.x, tf.mul(slope, down - point.sigma))
              return tf.add(lowered, tf.mul(unit, up))
            }),
          ),
        ),
      )
    },
  })
}
