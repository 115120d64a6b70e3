import * as tf from "@tensorflow/tfjs-core"
import { type Advance, derivative, disposeAfter, type Method, type MethodRun, type Point, weighted } from "./sampler.ts"

/** Weights of the last slopes in Adams-Bashforth's methods of order 1 to 4, the latest first. */
const ADAMS_BASHFORTH = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
] as const

/** Steps with four evaluations, which give the multistep method its first slopes. */
const RUNGE_KUTTA_STEPS = 3

/**
 * PNDM: three steps of Runge-Kutta, then Adams-Bashforth of fourth order. n + 9 evaluations. The middle of a step is in
 * timesteps.
 *
 * In the variance-preserving form of the paper, a transfer with the mean noise is x' = sqrt(ᾱ'/ᾱ) x - … In the scale of
 * samplers it is Euler's step, x + (sigma' - sigma) noise.
 *
 * Source: Liu et al. 2022 (arXiv:2202.09778), as diffusers' `PNDMScheduler`.
 */
export const pndm = ({ sigmas, timesteps }: MethodRun): Method => ({
  memory: 3,
  advance(step) {
    const { index, sigma, nextSigma, past } = step
    if (index >= Math.min(RUNGE_KUTTA_STEPS, sigmas.length - 2) || nextSigma === 0) {
      return adamsBashforth([step, ...past], nextSigma)
    }
    const [from, to] = [timesteps.timestepOf(sigma), timesteps.timestepOf(nextSigma)]
    const isWhole = Number.isInteger(from) && Number.isInteger(to)
    return rungeKutta(step, timesteps.sigmaOf(from - (isWhole ? Math.floor((from - to) / 2) : (from - to) / 2)))
  },
})

/**
 * PLMS: PNDM without Runge-Kutta, for which one step of Heun's method is enough. n + 1 evaluations.
 *
 * Source: the same, with `skip_prk_steps`.
 */
export const plms = (): Method => ({
  memory: 3,
  async advance(step) {
    const { index, nextSigma, past } = step
    if (index > 0 || nextSigma === 0) return adamsBashforth([step, ...past], nextSigma)
    return meanStep(step, nextSigma, [{ at: nextSigma, by: "start", weight: 1 / 2 }])
  },
})

function adamsBashforth(points: readonly Point[], nextSigma: number): tf.Tensor {
  const [{ sigma, x }] = points as [Point]
  const weights = ADAMS_BASHFORTH[Math.min(points.length, ADAMS_BASHFORTH.length) - 1] as readonly number[]
  return tf.tidy(() =>
    weighted([
      [x, 1],
      ...weights.map((weight, i) => [derivative(points[i] as Point), weight * (nextSigma - sigma)] as const),
    ]),
  )
}

function rungeKutta(step: Advance, middle: number): Promise<tf.Tensor> {
  return meanStep(step, step.nextSigma, [
    { at: middle, by: "start", weight: 1 / 3 },
    { at: middle, by: "last", weight: 1 / 3 },
    { at: step.nextSigma, by: "last", weight: 1 / 6 },
  ])
}

/** A step with the weighted mean of slopes: of the start, and of points reached from the start by the start's slope or the last one. */
async function meanStep(
  { evaluate, ...start }: Advance,
  nextSigma: number,
  stages: readonly { readonly at: number; readonly by: "start" | "last"; readonly weight: number }[],
): Promise<tf.Tensor> {
  const own = 1 - stages.reduce((sum, { weight }) => sum + weight, 0)
  const first = derivative(start)
  const slopes: (readonly [slope: tf.Tensor, weight: number])[] = [[first, own]]
  try {
    for (const { at, by, weight } of stages) {
      const slope = by === "start" ? first : (slopes.at(-1)?.[0] ?? first)
      const reached = weighted([
        [start.x, 1],
        [slope, at - start.sigma],
      ])
      await disposeAfter(reached, async (x) =>
        disposeAfter(await evaluate(x, at), (denoised) =>
          slopes.push([derivative({ sigma: at, x, denoised }), weight]),
        ),
      )
    }
    return weighted([
      [start.x, 1],
      ...slopes.map(([slope, weight]) => [slope, weight * (nextSigma - start.sigma)] as const),
    ])
  } finally {
    for (const [slope] of slopes) slope.dispose()
  }
}
