import { addStepNoise, ancestralStep } from "./ancestral-step.ts"
import { type Method, type MethodRun, straight } from "./sampler.ts"

/**
 * DDIM keeps the noise in x, and moves the estimate of x0 to the next level with it. With eta, a share of the noise is
 * fresh. Default eta: 0.
 *
 * In the variance-preserving form this is x' = sqrt(ᾱ') x0 + sqrt(1 - ᾱ') eps. Division by sqrt(ᾱ'), with eps = (x -
 * x0) / sigma, gives x' = x0 + sigma' / sigma * (x - x0). This is exactly Euler's method, and with eta the ancestral
 * one. As samplers the two differ in their levels and in their start.
 *
 * Source: Song et al. 2021 (arXiv:2010.02502), equations 12 and 16.
 */
export const ddim = ({ noise, options: { eta } }: MethodRun<"eta">): Method => ({
  advance({ nextSigma, ...point }) {
    const { down, up } = ancestralStep(point.sigma, nextSigma, eta)
    return addStepNoise(straight(point, down), up, { from: point.sigma, to: nextSigma }, { noise, sNoise: 1 })
  },
})
