import { type Sampler, straight, walk } from "./sampler.ts"

/**
 * DDIM with eta 0: keep the noise seen in x, move the estimate of x0 to the next level with it.
 *
 * In its own variance-preserving form this is x' = sqrt(ᾱ') x0 + sqrt(1 - ᾱ') eps; divided by sqrt(ᾱ'), with
 * eps = (x - x0) / sigma, it reads x' = x0 + sigma' / sigma * (x - x0): Euler's method, exactly. As samplers the two
 * differ in the levels they visit and in how they start.
 *
 * Source: Song et al. 2021 (arXiv:2010.02502), equation 12.
 */
export const sampleDdim: Sampler = (denoise, start, sigmas) =>
  walk(denoise, start, sigmas, { advance: ({ nextSigma, ...point }) => straight(point, nextSigma) })
