import { addStepNoise, ancestralStep } from "./ancestral-step.ts"
import { type Method, type MethodRun, straight } from "./sampler.ts"

/**
 * Euler's method below the next level, and fresh noise back up to it: first order, one evaluation per step.
 *
 * Source: k-diffusion `sample_euler_ancestral`.
 */
export const eulerAncestral = ({ noise, options: { eta, sNoise } }: MethodRun<"eta" | "sNoise">): Method => ({
  advance({ nextSigma, ...point }) {
    const { down, up } = ancestralStep(point.sigma, nextSigma, eta)
    return addStepNoise(straight(point, down), up, { from: point.sigma, to: nextSigma }, { noise, sNoise })
  },
})
