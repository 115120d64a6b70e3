import * as tf from "@tensorflow/tfjs-core"
import { checkArgument } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { checkRanges } from "../number-range.ts"

/**
 * Training's noisy latents, in the variance-preserving form: sqrt(ᾱ) x0 + sqrt(1 - ᾱ) noise.
 * x0, noise: [N, ...] → [N, ...]
 *
 * @param alphasCumprod ᾱ of each row; see `alphaAt`.
 * @throws CoreError when the shapes differ or there is not one ᾱ per row.
 */
export function addNoise(x0: tf.Tensor, noise: tf.Tensor, alphasCumprod: readonly number[]): tf.Tensor {
  return mixRows(x0, noise, alphasCumprod, (alpha) => [Math.sqrt(alpha), Math.sqrt(1 - alpha)])
}

/**
 * The target of v prediction: sqrt(ᾱ) noise - sqrt(1 - ᾱ) x0. x0, noise: [N, ...] → [N, ...]
 *
 * Source: Salimans & Ho 2022 (arXiv:2202.00512), appendix D.
 *
 * @param alphasCumprod ᾱ of each row; see `alphaAt`.
 * @throws CoreError when the shapes differ or there is not one ᾱ per row.
 */
export function velocity(x0: tf.Tensor, noise: tf.Tensor, alphasCumprod: readonly number[]): tf.Tensor {
  return mixRows(x0, noise, alphasCumprod, (alpha) => [-Math.sqrt(1 - alpha), Math.sqrt(alpha)])
}

function mixRows(
  x0: tf.Tensor,
  noise: tf.Tensor,
  alphasCumprod: readonly number[],
  factors: (alpha: number) => readonly [x0: number, noise: number],
): tf.Tensor {
  checkArgument("noise: x0", x0, "a tensor")
  checkArgument("noise: the noise", noise, "a tensor")
  checkArgument("noise: the values of ᾱ", alphasCumprod, "a list")
  for (const alpha of alphasCumprod) checkRanges("noise", { ᾱ: alpha ?? Number.NaN }, { ᾱ: { min: 0, max: 1 } })
  if (x0.shape.join() !== noise.shape.join()) {
    throw new CoreError(
      "shape",
      `noise: x0 is [${x0.shape.join(", ")}], the noise [${noise.shape.join(", ")}]. Both must have one shape.`,
    )
  }
  if (alphasCumprod.length !== x0.shape[0]) {
    throw new CoreError(
      "row-count",
      `noise: expected ${x0.shape[0]} values of ᾱ, one per row, got ${alphasCumprod.length}`,
    )
  }
  const shape = x0.shape.map((size, axis) => (axis === 0 ? size : 1))
  const pairs = alphasCumprod.map(factors)
  return tf.tidy(() => {
    const [ofX0, ofNoise] = [0, 1].map((i) =>
      tf.tensor(
        Float32Array.from(pairs, (pair) => pair[i] as number),
        shape,
      ),
    )
    return tf.add(tf.mul(x0, ofX0 as tf.Tensor), tf.mul(noise, ofNoise as tf.Tensor))
  })
}
