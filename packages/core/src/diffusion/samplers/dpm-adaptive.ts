import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import { addStepNoise } from "./ancestral-step.ts"
import { ancestralAbove, dpmStepPair, lastLevel } from "./dpm-steps.ts"
import { disposeAfter, type Method, type MethodRun, type Sample, straight } from "./sampler.ts"

/** k-diffusion's settings: the first step in log sigma, and the share of a wanted step that is accepted. */
const FIRST_STEP = 0.05
const ACCEPTED = 0.81
/** A step that is refused this often is not refused for its length. */
const MOST_TRIALS = 100
/** A rest of the way in log sigma that needs no step. */
const NO_WAY = 1e-5

/**
 * DPM-Solver-23: steps of third order, whose length follows from their error. Of the levels it reads the highest and the
 * lowest above 0. `steps` only scales the display: the evaluations follow from `rtol` and `atol`.
 *
 * Source: Lu et al. 2022 (arXiv:2206.00927), appendix C, as k-diffusion's `sample_dpm_adaptive`.
 */
export const dpmAdaptive = ({
  sigmas,
  noise,
  options: { eta, sNoise, rtol, atol },
}: MethodRun<"eta" | "sNoise" | "rtol" | "atol">): Method => {
  const [start, end] = [sigmas[0] as number, lastLevel(sigmas)]
  const order = eta > 0 ? 1.5 : 3
  let length = FIRST_STEP
  /** The last accepted sample of second order. */
  let before: tf.Tensor | undefined
  return {
    intervals: [{ from: start, to: start === end ? (sigmas.at(-1) as number) : end }],
    dispose: () => before?.dispose(),
    async advance({ nextSigma, ...point }): Promise<Sample> {
      const { sigma, x } = point
      if (nextSigma === 0) return { sigma: 0, x: straight(point, 0) }
      for (let trial = 0; trial < MOST_TRIALS; trial++) {
        const rest = Math.log(sigma / nextSigma)
        const reached = length >= rest - NO_WAY ? nextSigma : sigma * Math.exp(-length)
        const { down, up } = ancestralAbove(sigma, reached, nextSigma, eta)
        const { low, high } = await dpmStepPair(point, down)
        const factor = 1 + Math.atan((await errorOf(low, high, before ?? x, rtol, atol)) ** (-1 / order) - 1)
        length *= factor
        if (factor >= ACCEPTED) {
          before?.dispose()
          before = low
          return { sigma: reached, x: await addStepNoise(high, up, { from: sigma, to: reached }, { noise, sNoise }) }
        }
        tf.dispose([low, high])
        if (!Number.isFinite(factor)) break
      }
      throw new CoreError(
        "sigmas",
        `sampler: dpm_adaptive finds no step at sigma ${sigma}. The network's output may not be finite. Try another sampler.`,
      )
    },
  }
}

/** The root mean square of the difference of two samples, in units of the allowed error. */
async function errorOf(
  low: tf.Tensor,
  high: tf.Tensor,
  before: tf.Tensor,
  rtol: number,
  atol: number,
): Promise<number> {
  const squares = tf.tidy(() => {
    const allowed = tf.maximum(tf.mul(tf.maximum(tf.abs(low), tf.abs(before)), rtol), atol)
    return tf.mean(tf.square(tf.div(tf.sub(low, high), allowed)))
  })
  return disposeAfter(squares, async () => Math.sqrt((await squares.data<"float32">())[0] as number) + 1e-8)
}
