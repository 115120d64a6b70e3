import { type Sampler, straight, walk } from "./sampler.ts"

/**
 * Euler's method on dx/dsigma = (x - denoised) / sigma: one evaluation per step, first order.
 *
 * Source: Karras et al. 2022 (arXiv:2206.00364), algorithm 1 without the correction.
 */
export const sampleEuler: Sampler = (denoise, start, sigmas) =>
  walk(denoise, start, sigmas, { advance: ({ nextSigma, ...point }) => straight(point, nextSigma) })
