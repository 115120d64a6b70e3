import { addStepNoise } from "./ancestral-step.ts"
import { type Method, type MethodRun, straight } from "./sampler.ts"

/**
 * Trajectory consistency: each step goes straight to a level below the next one, and fresh noise leads back up. eta
 * (gamma in the paper) says how far below, in timesteps: 0 is the next level, 1 the end.
 *
 * Source: Zheng et al. 2024 (arXiv:2402.19159), algorithm 2, as diffusers' `TCDScheduler`.
 */
export const tcd = ({ noise, timesteps, options: { eta, sNoise } }: MethodRun<"eta" | "sNoise">): Method => ({
  advance({ nextSigma, ...point }) {
    const target = timesteps.sigmaOf(Math.floor((1 - eta) * timesteps.timestepOf(nextSigma)))
    const down = eta === 0 ? nextSigma : Math.min(target, nextSigma)
    const up = Math.sqrt(nextSigma ** 2 - down ** 2)
    return addStepNoise(straight(point, down), up, { from: point.sigma, to: nextSigma }, { noise, sNoise })
  },
})
