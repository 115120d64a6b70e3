import * as tf from "@tensorflow/tfjs-core"
import { type Advance, derivative, disposeAfter, straight, weighted } from "./sampler.ts"

/* Steps of DPM-Solver that evaluate between two levels. Source: Lu et al. 2022 (arXiv:2206.00927), algorithms 1, 4, 5. */

/** The places of the evaluations of a step of third order, in lengths of the step in log sigma. */
const THIRDS = [1 / 3, 2 / 3] as const

type Start = Pick<Advance, "sigma" | "x" | "denoised" | "evaluate">

/** A step of order 1, 2 or 3, as many evaluations as its order. The first was made before. */
export async function dpmStep(start: Start, nextSigma: number, order: number): Promise<tf.Tensor> {
  if (order === 1) return straight(start, nextSigma)
  if (order === 2) {
    return withMiddle(start, nextSigma, 1 / 2, (slope, middle) => secondOrder(start, nextSigma, 1 / 2, slope, middle))
  }
  return withMiddle(start, nextSigma, THIRDS[0], (slope, middle) => thirdOrder(start, nextSigma, slope, middle))
}

/** Two samples of one step, of second and of third order. Their difference shows the step's error. */
export function dpmStepPair(
  start: Start,
  nextSigma: number,
): Promise<{ readonly low: tf.Tensor; readonly high: tf.Tensor }> {
  return withMiddle(start, nextSigma, THIRDS[0], async (slope, middle) => {
    const high = await thirdOrder(start, nextSigma, slope, middle)
    return { low: secondOrder(start, nextSigma, THIRDS[0], slope, middle), high }
  })
}

/** Uses the slopes at the start of a step and at a share of it. */
function withMiddle<T>(
  start: Start,
  nextSigma: number,
  share: number,
  use: (slope: tf.Tensor, middle: tf.Tensor) => T | Promise<T>,
): Promise<T> {
  const sigma = levelAt(start.sigma, nextSigma, share)
  return disposeAfter(derivative(start), (slope) =>
    disposeAfter(straight(start, sigma), async (x) =>
      disposeAfter(await start.evaluate(x, sigma), (denoised) =>
        disposeAfter(derivative({ sigma, x, denoised }), (middle) => use(slope, middle)),
      ),
    ),
  )
}

function secondOrder(start: Start, nextSigma: number, share: number, slope: tf.Tensor, middle: tf.Tensor): tf.Tensor {
  const fall = start.sigma - nextSigma
  const weight = fall / (2 * share)
  return weighted([
    [start.x, 1],
    [slope, weight - fall],
    [middle, -weight],
  ])
}

function thirdOrder(start: Start, nextSigma: number, slope: tf.Tensor, middle: tf.Tensor): Promise<tf.Tensor> {
  const [first, second] = THIRDS
  const h = Math.log(start.sigma / nextSigma)
  const sigma = levelAt(start.sigma, nextSigma, second)
  const bend = sigma * (second / first) * (Math.expm1(second * h) / (second * h) - 1)
  const between = weighted([
    [start.x, 1],
    [slope, sigma - start.sigma + bend],
    [middle, -bend],
  ])
  return disposeAfter(between, async (x) =>
    disposeAfter(await start.evaluate(x, sigma), (denoised) =>
      tf.tidy(() => {
        const weight = (nextSigma / second) * (Math.expm1(h) / h - 1)
        return weighted([
          [start.x, 1],
          [slope, nextSigma - start.sigma + weight],
          [derivative({ sigma, x, denoised }), -weight],
        ])
      }),
    ),
  )
}

/** The level at a share of a step, in log sigma. */
function levelAt(sigma: number, nextSigma: number, share: number): number {
  return sigma * (nextSigma / sigma) ** share
}

/** The lowest level above 0 of a run, where DPM-Solver ends: it has no step to 0. */
export function lastLevel(sigmas: readonly number[]): number {
  const last = sigmas.at(-1) as number
  return last > 0 ? last : (sigmas.at(-2) as number)
}

/** The level below the next one, and the noise from there, of a step that does not go below the run's end. */
export function ancestralAbove(
  sigma: number,
  nextSigma: number,
  end: number,
  eta: number,
): { readonly down: number; readonly up: number } {
  const down = Math.max(end, nextSigma * Math.sqrt(1 - (eta * Math.sqrt(1 - (nextSigma / sigma) ** 2)) ** 2))
  return { down, up: Math.sqrt(Math.max(0, nextSigma ** 2 - down ** 2)) }
}
