import { churn } from "./churn.ts"
import { type Method, type MethodRun, straight } from "./sampler.ts"

/**
 * Euler's method on dx/dsigma = (x - denoised) / sigma: one evaluation per step, first order.
 *
 * Source: Karras et al. 2022 (arXiv:2206.00364), algorithm 2 without the correction.
 */
export const euler = (run: MethodRun<"sChurn" | "sTmin" | "sTmax" | "sNoise">): Method => ({
  ...churn(run),
  advance: ({ nextSigma, ...point }) => straight(point, nextSigma),
})
