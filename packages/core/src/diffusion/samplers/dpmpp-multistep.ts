import type * as tf from "@tensorflow/tfjs-core"
import { addStepNoise } from "./ancestral-step.ts"
import { differenceWeights, logLength, stableOrder } from "./differences.ts"
import { type Advance, type Method, type MethodRun, weighted } from "./sampler.ts"

/* DPM-Solver++ with several past estimates: one evaluation per step. */

/** How a step of second order weighs its two estimates. */
type Solver = "midpoint" | "heun"

/** How a step is made. */
interface MultistepRule {
  readonly order: number
  readonly solver: Solver
  /** Share of fresh noise, 0 to 1. */
  readonly eta: number
  /** An addition to the weight of the second derivative. */
  readonly extra?: number
}

/**
 * DPM-Solver++ with noise-free steps of order 1, 2 or 3.
 *
 * Source: Lu et al. 2022 (arXiv:2211.01095), algorithm 2, with the final steps of diffusers'
 * `DPMSolverMultistepScheduler`.
 */
export const dpmppMultistep = ({ sigmas, options: { order, solver } }: MethodRun<"order" | "solver">): Method => ({
  memory: order - 1,
  advance: (step) => advanceDpmpp(step, { order: finalOrder(step, order, sigmas), solver, eta: 0 }),
})

/**
 * The term of second order in diffusers' `sde-dpmsolver++` of third order has 1 less than the paper's. It is kept, so
 * that a seed gives the same picture as there. `dpmpp_3m_sde` has the paper's.
 */
const DIFFUSERS_EXTRA = -1

/**
 * SDE-DPM-Solver++: DPM-Solver++ with fresh noise at every step, except the step to sigma 0.
 *
 * Source: Lu et al. 2022 (arXiv:2211.01095), as diffusers' `sde-dpmsolver++`; eta as in k-diffusion.
 */
export const sdeDpmppMultistep = ({
  sigmas,
  options: { order, solver, eta, sNoise },
  noise,
}: MethodRun<"order" | "solver" | "eta" | "sNoise">): Method => ({
  memory: order - 1,
  advance: (step) =>
    advanceNoisily(
      step,
      { order: finalOrder(step, order, sigmas), solver, eta, sNoise, extra: DIFFUSERS_EXTRA },
      noise,
    ),
})

/** DPM-Solver++(2M) of k-diffusion, `sample_dpmpp_2m`: of second order to the last level above 0. */
export const dpmpp2m = (): Method => ({
  memory: 1,
  advance: (step) => advanceDpmpp(step, { order: 2, solver: "midpoint", eta: 0 }),
})

/** DPM-Solver++(2M) SDE. Source: k-diffusion `sample_dpmpp_2m_sde`. */
export const dpmpp2mSde = ({
  noise,
  options: { eta, sNoise, solver },
}: MethodRun<"eta" | "sNoise" | "solver">): Method => ({
  memory: 1,
  advance: (step) => advanceNoisily(step, { order: 2, solver, eta, sNoise }, noise),
})

/** DPM-Solver++(3M) SDE. Source: k-diffusion `sample_dpmpp_3m_sde`. */
export const dpmpp3mSde = ({ noise, options: { eta, sNoise } }: MethodRun<"eta" | "sNoise">): Method => ({
  memory: 2,
  advance: (step) => advanceNoisily(step, { order: 3, solver: "heun", eta, sNoise }, noise),
})

function finalOrder({ index, nextSigma }: Advance, order: number, sigmas: readonly number[]): number {
  return stableOrder(order, index, sigmas.length - 1, nextSigma)
}

function advanceNoisily(
  step: Advance,
  rule: MultistepRule & { readonly sNoise: number },
  noise: MethodRun["noise"],
): Promise<tf.Tensor> {
  const { sigma, nextSigma } = step
  const up = nextSigma * Math.sqrt(1 - (nextSigma / sigma) ** (2 * rule.eta))
  return addStepNoise(advanceDpmpp(step, rule), up, { from: sigma, to: nextSigma }, { noise, sNoise: rule.sNoise })
}

/**
 * The sample after a step, without its noise. The estimate of x0 is a polynomial in log sigma through the last ones, and
 * the step integrates it.
 */
function advanceDpmpp(
  { sigma, nextSigma, x, denoised, past }: Advance,
  { order, solver, eta, extra = 0 }: MultistepRule,
): tf.Tensor {
  const [first, second] = past
  const ratio = (nextSigma / sigma) ** (1 + eta)
  if (nextSigma === 0 || order === 1 || first === undefined) {
    return weighted([
      [x, ratio],
      [denoised, 1 - ratio],
    ])
  }
  const length = logLength(sigma, nextSigma)
  const decay = length * (1 + eta)
  const phi2 = 1 - (1 - ratio) / decay
  const r0 = logLength(first.sigma, sigma) / length
  const isThird = order > 2 && second !== undefined
  const weights = isThird
    ? differenceWeights(
        [phi2, 0.5 - phi2 / decay + (eta === 0 ? 0 : extra)],
        r0,
        logLength(second.sigma, first.sigma) / length,
      )
    : differenceWeights([solver === "midpoint" ? (1 - ratio) / 2 : phi2, 0], r0)
  const [here = 0, before = 0, last = 0] = weights
  return weighted([
    [x, ratio],
    [denoised, 1 - ratio + here],
    [first.denoised, before],
    ...(isThird ? ([[second.denoised, last]] as const) : []),
  ])
}
