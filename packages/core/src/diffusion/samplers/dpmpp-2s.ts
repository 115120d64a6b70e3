import * as tf from "@tensorflow/tfjs-core"
import type { Method, MethodRun } from "./sampler.ts"

/**
 * DPM-Solver++(2S), midpoint form, on fixed levels. Steps are pairs. The second step of a pair begins again at the
 * first one's start, with both estimates. The last step is of first order (the last two, if their number is even).
 *
 * Source: Lu et al. 2022 (arXiv:2211.01095), algorithm 1, as diffusers' `DPMSolverSinglestepScheduler`.
 */
export const dpmpp2s = ({ sigmas }: MethodRun): Method => {
  const count = sigmas.length - 1
  return {
    memory: 1,
    advance({ index, sigma, nextSigma, x, denoised, past }) {
      const previous = past[0]
      const isSecond = index % 2 === 1 && index < count - 1
      if (previous === undefined || !isSecond) {
        const ratio = nextSigma / sigma
        return tf.tidy(() => tf.add(tf.mul(x, ratio), tf.mul(denoised, 1 - ratio)))
      }
      const ratio = nextSigma / previous.sigma
      const share = Math.log(previous.sigma / sigma) / Math.log(previous.sigma / nextSigma)
      return tf.tidy(() => {
        const difference = tf.sub(denoised, previous.denoised)
        const target = tf.add(previous.denoised, tf.mul(difference, 1 / share / 2))
        return tf.add(tf.mul(previous.x, ratio), tf.mul(target, 1 - ratio))
      })
    },
  }
}
