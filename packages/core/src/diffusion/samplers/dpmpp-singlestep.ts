import type { Method, MethodRun, Point } from "./sampler.ts"
import { weighted } from "./sampler.ts"

/**
 * DPM-Solver++ in groups of steps, on fixed levels: order 1, 2 (2S) or 3 (3S), one evaluation per step. Each step of a
 * group begins again at the group's start, with all estimates of the group. The last step is of first order.
 *
 * Source: Lu et al. 2022 (arXiv:2211.01095), algorithm 1, as diffusers' `DPMSolverSinglestepScheduler`.
 */
export const dpmppSinglestep = ({ sigmas, options }: MethodRun<"order">): Method => {
  const orders = ordersOf(options.order, sigmas.length - 1)
  return {
    memory: options.order - 1,
    advance({ index, nextSigma, past, ...here }) {
      const points: readonly Point[] = [here, ...past]
      const start = points[(orders[index] ?? 1) - 1] ?? here
      const ratio = nextSigma / start.sigma
      const h = -Math.log(ratio)
      const share = Math.log(start.sigma / here.sigma) / h
      const weight = start === here ? 0 : start === points[2] ? (1 - (1 - ratio) / h) / share : (1 - ratio) / 2 / share
      return weighted([
        [start.x, ratio],
        [start.denoised, 1 - ratio - weight],
        [here.denoised, weight],
      ])
    },
  }
}

/** The order of each step: groups of 1, 2, … up to `order`, then what is left, and 1 at last. */
function ordersOf(order: number, count: number): readonly number[] {
  const orders = Array.from({ length: count }, (_, i) => 1 + (i % order))
  // diffusers ends with 1, 2, 1 instead of 1, 2, 3 and with 1, 1 instead of 1, 2.
  orders[count - 1] = 1
  return orders
}
