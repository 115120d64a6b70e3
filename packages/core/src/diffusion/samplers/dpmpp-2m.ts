import * as tf from "@tensorflow/tfjs-core"
import { type Sampler, walk } from "./sampler.ts"

/**
 * DPM-Solver++(2M), midpoint form: second order from the last two estimates, one evaluation per step. The first step
 * is of first order for want of a history; so is a last step to sigma 0, and the last of fewer than fifteen steps,
 * where the extrapolation is unstable.
 *
 * Source: Lu et al. 2022 (arXiv:2211.01095), algorithm 2, with the final steps of diffusers'
 * `DPMSolverMultistepScheduler`.
 */
export const sampleDpmpp2m: Sampler = (denoise, start, sigmas) => {
  const count = sigmas.length - 1
  // lambda = log(alpha / sigma) of the variance-preserving form, whose quotient is 1 / sigma here.
  const lambda = (index: number): number => -Math.log(sigmas[index] as number)
  return walk(denoise, start, sigmas, ({ index, x, denoised, previousDenoised }) => {
    const next = sigmas[index + 1] as number
    const ratio = next / (sigmas[index] as number)
    const firstOrderEnd = index === count - 1 && (next === 0 || count < 15)
    return tf.tidy(() => {
      let target = denoised
      if (previousDenoised !== undefined && !firstOrderEnd) {
        const step = lambda(index + 1) - lambda(index)
        const previousStep = lambda(index) - lambda(index - 1)
        target = tf.add(denoised, tf.mul(tf.sub(denoised, previousDenoised), step / previousStep / 2))
      }
      return tf.add(tf.mul(x, ratio), tf.mul(target, 1 - ratio))
    })
  })
}
