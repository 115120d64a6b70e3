import * as tf from "@tensorflow/tfjs-core"
import { derivative, lend, type Sampler, straight, walk } from "./sampler.ts"

/**
 * Heun's method: a step with the mean of the slopes at both its ends. Second order, two evaluations per step but the
 * one to sigma 0, where there is no slope.
 *
 * Source: Karras et al. 2022 (arXiv:2206.00364), algorithm 1.
 */
export const sampleHeun: Sampler = (denoise, start, sigmas) =>
  walk(denoise, start, sigmas, {
    advance({ nextSigma, ...point }) {
      const predicted = straight(point, nextSigma)
      if (nextSigma === 0) return predicted
      return lend(predicted, async () =>
        lend(await denoise(predicted, nextSigma), (denoised) =>
          tf.tidy(() => {
            const there = derivative({ sigma: nextSigma, x: predicted, denoised })
            return tf.add(point.x, tf.mul(tf.add(derivative(point), there), (nextSigma - point.sigma) / 2))
          }),
        ),
      )
    },
  })
