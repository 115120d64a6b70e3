import * as tf from "@tensorflow/tfjs-core"
import { differenceWeights, logLength, stableOrder } from "./differences.ts"
import { derivative, type Method, type MethodRun, straight, weighted } from "./sampler.ts"

/**
 * DPM-Solver with several past slopes: order 1, 2 or 3, one evaluation per step. The noise in x is a polynomial in log
 * sigma through the last ones, and the step integrates it. In sd-scripts the name fails. Here it ends at the smallest
 * sigma, as diffusers asks for.
 *
 * Source: Lu et al. 2022 (arXiv:2206.00927), as diffusers' `DPMSolverMultistepScheduler` with `dpmsolver`.
 */
export const dpmsolver = ({ sigmas, options }: MethodRun<"order" | "solver">): Method => ({
  memory: options.order - 1,
  advance({ index, nextSigma, past, ...point }) {
    const { sigma } = point
    const [first, second] = past
    const order = stableOrder(options.order, index, sigmas.length - 1, nextSigma)
    if (order === 1 || first === undefined) return straight(point, nextSigma)
    const length = logLength(sigma, nextSigma)
    const fall = sigma - nextSigma
    const [phi2, phi3] = [fall / length - nextSigma, (fall - nextSigma * length) / length ** 2 - nextSigma / 2]
    const r0 = logLength(first.sigma, sigma) / length
    const isThird = order > 2 && second !== undefined
    const weights = isThird
      ? differenceWeights([phi2, phi3], r0, logLength(second.sigma, first.sigma) / length)
      : differenceWeights([options.solver === "midpoint" ? fall / 2 : phi2, 0], r0)
    const [here = 0, before = 0, last = 0] = weights
    return tf.tidy(() =>
      weighted([
        [point.x, 1],
        [derivative(point), -fall - here],
        [derivative(first), -before],
        ...(isThird ? ([[derivative(second), -last]] as const) : []),
      ]),
    )
  },
})
