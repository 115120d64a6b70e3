import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../errors.ts"
import type { Network } from "./denoiser.ts"

/**
 * Classifier-free guidance: uncond + guidanceScale * (cond - uncond).
 * prediction: [2N, ...], the N unconditional rows first → [N, ...]
 *
 * Source: Ho & Salimans 2022 (arXiv:2207.12598), with the scale of Stable Diffusion (1 is no guidance).
 *
 * @throws CoreError when the number of rows is odd
 */
export function combineGuidance(prediction: tf.Tensor, guidanceScale: number): tf.Tensor {
  if (prediction.shape.length === 0 || (prediction.shape[0] as number) % 2 !== 0) {
    throw new CoreError(
      "shape",
      `guidance: expected a batch of unconditional rows followed by as many conditional ones, got shape ` +
        `[${prediction.shape.join(", ")}]`,
    )
  }
  return tf.tidy(() => {
    const [uncond, cond] = tf.split(prediction, 2, 0) as [tf.Tensor, tf.Tensor]
    return tf.add(uncond, tf.mul(tf.sub(cond, uncond), guidanceScale))
  })
}

/**
 * Wraps a network whose conditions are [N unconditional, N conditional], so that it takes N rows. The rows are doubled
 * before the network. {@link combineGuidance} joins the two predictions after it.
 */
export function withGuidance(network: Network, guidanceScale: number): Network {
  return async (input, at) => {
    const doubled = tf.concat([input, input], 0)
    let output: tf.Tensor | undefined
    try {
      output = await network(doubled, at)
      return combineGuidance(output, guidanceScale)
    } finally {
      doubled.dispose()
      output?.dispose()
    }
  }
}
