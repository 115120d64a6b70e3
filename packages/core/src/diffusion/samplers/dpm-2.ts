import * as tf from "@tensorflow/tfjs-core"
import { addStepNoise, ancestralStep } from "./ancestral-step.ts"
import { churn } from "./churn.ts"
import { type Advance, derivative, disposeAfter, type Method, type MethodRun, straight } from "./sampler.ts"

/**
 * DPM-Solver-2: a step with the slope at the geometric middle of its levels. Second order. Every step has two
 * evaluations, except the step to sigma 0.
 *
 * Source: Lu et al. 2022 (arXiv:2206.00927), algorithm 1, in the form of k-diffusion's `sample_dpm_2`.
 */
export const dpm2 = (run: MethodRun<"sChurn" | "sTmin" | "sTmax" | "sNoise">): Method => ({
  ...churn(run),
  advance: (step) =>
    step.nextSigma === 0
      ? straight(step, 0)
      : withSlopeAt(step, Math.sqrt(step.sigma * step.nextSigma), step.nextSigma - step.sigma),
})

/**
 * DPM-Solver-2 below the next level, and fresh noise back up to it.
 *
 * Source: k-diffusion `sample_dpm_2_ancestral`.
 */
export const dpm2Ancestral = ({ noise, options: { eta, sNoise } }: MethodRun<"eta" | "sNoise">): Method => ({
  async advance(step) {
    const { sigma, nextSigma } = step
    if (nextSigma === 0) return straight(step, 0)
    const { down, up } = ancestralStep(sigma, nextSigma, eta)
    // With eta 1 the geometric middle of sigma and down = nextSigma² / sigma is a level of the run.
    const middle = eta === 1 ? nextSigma : Math.sqrt(sigma * down)
    const lowered = await withSlopeAt(step, middle, down - sigma)
    return addStepNoise(lowered, up, { from: sigma, to: nextSigma }, { noise, sNoise })
  },
})

/** The sample after `distance`, along the slope at `middle`. */
function withSlopeAt({ evaluate, ...point }: Advance, middle: number, distance: number): Promise<tf.Tensor> {
  return disposeAfter(straight(point, middle), async (x) =>
    disposeAfter(await evaluate(x, middle), (denoised) =>
      tf.tidy(() => tf.add(point.x, tf.mul(derivative({ sigma: middle, x, denoised }), distance))),
    ),
  )
}
