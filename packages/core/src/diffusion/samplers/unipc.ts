import * as tf from "@tensorflow/tfjs-core"
import { advanceDpmpp2m } from "./dpmpp-2m.ts"
import type { Method, MethodRun, Point } from "./sampler.ts"

/**
 * UniPC of second order, B(h) = exp(h) - 1 ("bh2"). Before the next sample is predicted, each sample is corrected with
 * the estimate made from it. The correction needs no further evaluation. The predictor is that of DPM-Solver++(2M).
 *
 * Source: Zhao et al. 2023 (arXiv:2302.04867), algorithms 1 and 2, for a network that predicts x0.
 */
export const unipc = ({ sigmas }: MethodRun): Method => ({
  // The corrector uses the points at both ends of the last step, and the point before.
  memory: 2,
  correct: (point, [from, before]) => correct(point, from as Point, before),
  advance: (step) => advanceDpmpp2m(step, sigmas.length - 1),
})

/** The sample at `point`, computed again from `from` with the estimate at `point`. */
function correct(point: Point, from: Point, before: Point | undefined): tf.Tensor {
  const ratio = point.sigma / from.sigma
  const h = -Math.log(ratio)
  const [weightBefore, weightHere] =
    before === undefined ? [0, 0.5] : weights(h, Math.log(from.sigma / before.sigma) / h)
  return tf.tidy(() => {
    const here = tf.mul(tf.sub(point.denoised, from.denoised), weightHere)
    const target = tf.add(from.denoised, here)
    const bent =
      before === undefined ? target : tf.add(target, tf.mul(tf.sub(before.denoised, from.denoised), weightBefore))
    return tf.add(tf.mul(from.x, ratio), tf.mul(bent, 1 - ratio))
  })
}

/**
 * The weights of the two differences to x0 at `from`. With them the corrector is exact for estimates that are quadratic
 * in log sigma, which is the paper's condition for p = 2. `r` is the position of the point before, in steps of h. It is
 * negative.
 */
function weights(h: number, r: number): readonly [before: number, here: number] {
  const b = Math.expm1(-h)
  const phi2 = b / -h - 1
  const phi3 = phi2 / -h - 1 / 2
  const [first, second] = [phi2 / b, (2 * phi3) / b]
  const rho = (first - second) / (1 - r)
  return [rho / r, first - rho]
}
