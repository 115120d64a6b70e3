import * as tf from "@tensorflow/tfjs-core"
import { addStepNoise } from "./ancestral-step.ts"
import type { Advance, Method, MethodRun, Point } from "./sampler.ts"

/**
 * DPM-Solver++(2M), midpoint form: second order from the last two estimates, one evaluation per step.
 *
 * Source: Lu et al. 2022 (arXiv:2211.01095), algorithm 2, with the final steps of diffusers'
 * `DPMSolverMultistepScheduler`.
 */
export const dpmpp2m = ({ sigmas }: MethodRun): Method => ({
  memory: 1,
  advance: (step) => advanceDpmpp2m(step, sigmas.length - 1),
})

/** One of `count` steps of DPM-Solver++(2M), with the point before it as `past`. */
export function advanceDpmpp2m(step: Advance, count: number): tf.Tensor {
  const ratio = step.nextSigma / step.sigma
  return tf.tidy(() => tf.add(tf.mul(step.x, ratio), tf.mul(target(step, count), 1 - ratio)))
}

/**
 * SDE-DPM-Solver++(2M), midpoint form: DPM-Solver++(2M) with fresh noise at every step, except the step to sigma 0.
 *
 * Source: Lu et al. 2022 (arXiv:2211.01095), as diffusers' `sde-dpmsolver++`; eta as in k-diffusion's
 * `sample_dpmpp_2m_sde`.
 */
export const dpmpp2mSde = ({ sigmas, noise, options: { eta, sNoise } }: MethodRun<"eta" | "sNoise">): Method => ({
  memory: 1,
  advance(step) {
    const { sigma, nextSigma } = step
    const ratio = (nextSigma / sigma) ** (1 + eta)
    const drift = tf.tidy(() => tf.add(tf.mul(step.x, ratio), tf.mul(target(step, sigmas.length - 1), 1 - ratio)))
    const up = nextSigma * Math.sqrt(1 - (nextSigma / sigma) ** (2 * eta))
    return addStepNoise(drift, up, { from: sigma, to: nextSigma }, { noise, sNoise })
  },
})

/**
 * The estimate of x0 at the middle of the step, extrapolated from the last two. The first step has only one estimate.
 * Extrapolation would make a last step to sigma 0 unstable, and the last step of fewer than fifteen.
 */
function target({ index, nextSigma, past, ...point }: Advance, count: number): tf.Tensor {
  const previous = past[0]
  const isPlainEnd = index === count - 1 && (nextSigma === 0 || count < 15)
  return previous === undefined || isPlainEnd ? point.denoised : extrapolate(point, previous, nextSigma)
}

/**
 * denoised + (denoised - previous) h / (2 h'). h and h' are the lengths of this step and of the last one in log sigma.
 */
function extrapolate(point: Point, previous: Point, nextSigma: number): tf.Tensor {
  const step = Math.log(point.sigma / nextSigma)
  const previousStep = Math.log(previous.sigma / point.sigma)
  return tf.add(point.denoised, tf.mul(tf.sub(point.denoised, previous.denoised), step / previousStep / 2))
}
