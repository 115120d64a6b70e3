import { addStepNoise } from "./ancestral-step.ts"
import { type Method, type MethodRun, weighted } from "./sampler.ts"

/** Constants of the boundary condition in Luo et al. 2023, as diffusers sets them. */
const SIGMA_DATA = 0.5
const TIMESTEP_SCALING = 10

/**
 * Latent consistency: each step goes to the estimate of x0, and fresh noise leads back to the next level.
 *
 * Source: Luo et al. 2023 (arXiv:2310.04378), algorithm 3, as diffusers' `LCMScheduler`.
 */
export const lcm = ({ noise, timesteps, options: { sNoise } }: MethodRun<"sNoise">): Method => ({
  advance({ sigma, nextSigma, x, denoised }) {
    const scaled = timesteps.timestepOf(sigma) * TIMESTEP_SCALING
    const deviation = Math.hypot(scaled, SIGMA_DATA)
    const estimate = weighted([
      [denoised, scaled / deviation],
      // The condition reads x in the variance-preserving form.
      [x, (SIGMA_DATA / deviation) ** 2 / Math.hypot(sigma, 1)],
    ])
    return addStepNoise(estimate, nextSigma, { from: sigma, to: nextSigma }, { noise, sNoise })
  },
})
