import { addStepNoise } from "./ancestral-step.ts"
import { ancestralAbove, dpmStep, lastLevel } from "./dpm-steps.ts"
import { type Method, type MethodRun, stepsBetween } from "./sampler.ts"

/**
 * DPM-Solver-fast: steps of third order, even in log sigma, with n evaluations in all. Of the levels it reads the
 * highest, the lowest above 0, and the number.
 *
 * Source: Lu et al. 2022 (arXiv:2206.00927), section 3.4, as k-diffusion's `sample_dpm_fast`.
 */
export const dpmFast = ({ sigmas, noise, options: { eta, sNoise } }: MethodRun<"eta" | "sNoise">): Method => {
  const evaluations = sigmas.length - 1
  const end = lastLevel(sigmas)
  const start = sigmas[0] as number
  const orders = ordersOf(evaluations)
  const levels = Array.from({ length: orders.length + 1 }, (_, i) =>
    i === orders.length ? end : start * (end / start) ** (i / orders.length),
  )
  // One step from one level can only go to the end.
  const intervals = start === end ? [{ from: start, to: sigmas.at(-1) as number }] : stepsBetween(levels)
  return {
    intervals,
    async advance({ index, nextSigma, ...point }) {
      const { down, up } = ancestralAbove(point.sigma, nextSigma, Math.min(end, nextSigma), eta)
      const lowered = await dpmStep(point, down, down === 0 ? 1 : (orders[index] ?? 1))
      return addStepNoise(lowered, up, { from: point.sigma, to: nextSigma }, { noise, sNoise })
    },
  }
}

/** Orders of the steps, whose sum is the number of evaluations. */
function ordersOf(evaluations: number): readonly number[] {
  const whole = Math.floor(evaluations / 3)
  const rest = evaluations % 3
  if (rest === 0) return [...Array<number>(whole - 1).fill(3), 2, 1]
  return [...Array<number>(whole).fill(3), rest]
}
