import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkOptions, type OptionKinds } from "../argument.ts"
import { CoreError } from "../errors.ts"
import type { Prediction } from "./names.ts"
import { PREDICTIONS } from "./names.ts"
import type { PassPosition, StepPosition } from "./pass-position.ts"

/**
 * A network over latents. input: [N, H, W, C], scaled to unit variance; at: the position of the pass. The result is a
 * new tensor of the input's shape, which the caller disposes.
 */
export type Network = (input: tf.Tensor, at: PassPosition) => tf.Tensor | Promise<tf.Tensor>

/**
 * Estimates x0 from x = x0 + sigma * noise, for the step `at`. The result is a new tensor of x's shape, which the
 * caller disposes.
 */
export type Denoise = (x: tf.Tensor, sigma: number, at: StepPosition) => tf.Tensor | Promise<tf.Tensor>

export interface DenoiserOptions {
  readonly prediction: Prediction
  /**
   * The network's timestep for a noise level, and whether the evaluation lies between two steps. See
   * `NoiseLevels.timestepOf` and `timestepAt`.
   */
  readonly timestepOf: (sigma: number, between: boolean) => number
}

const KINDS: OptionKinds<DenoiserOptions> = { prediction: "text", timestepOf: "a function" }

/**
 * Turns a network's prediction into an estimate of x0, so that samplers are independent of the prediction. The network
 * reads x / sqrt(sigma² + 1), the variance-preserving form of its training.
 *
 * Source: Karras et al. 2022 (arXiv:2206.00364), section 5; Salimans & Ho 2022 (arXiv:2202.00512) for v.
 *
 * @throws CoreError when the prediction is unknown.
 */
export function createDenoiser(network: Network, options: DenoiserOptions): Denoise {
  checkArgument("denoiser: the network", network, "a function")
  checkOptions("denoiser", options, KINDS, ["prediction", "timestepOf"])
  const { prediction, timestepOf } = options
  if (!PREDICTIONS.includes(prediction)) {
    throw new CoreError(
      "option-unknown",
      `denoiser: there is no prediction "${String(prediction)}". There are: ${PREDICTIONS.join(", ")}.`,
    )
  }
  return async (x, sigma, at) => {
    const scale = 1 / Math.hypot(sigma, 1)
    const input = tf.mul(x, scale)
    let output: tf.Tensor | undefined
    try {
      const predicted = await network(input, { ...at, sigma, timestep: timestepOf(sigma, at.between) })
      output = predicted
      return prediction === "epsilon"
        ? tf.tidy(() => tf.sub(x, tf.mul(predicted, sigma)))
        : tf.tidy(() => tf.sub(tf.mul(x, scale * scale), tf.mul(predicted, sigma * scale)))
    } finally {
      input.dispose()
      output?.dispose()
    }
  }
}
