import type { Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import type { AttentionOptions, Ops } from "../ops.ts"
import { vjp } from "../vjp.ts"
import type { BatchedProduct } from "./products.ts"
import { transposed } from "./products.ts"

/** Added to a score that must not count. It is far below any other, but finite: infinity could become NaN. */
const MASKED = -1e30

/** softmax(q kᵀ / √d) v by heads, Vaswani et al. 2017, with the product that is fast on the backend. */
export function createAttention(product: BatchedProduct): Ops["attention"] {
  return (q, k, v, { heads, causal, keysGradient = true }: AttentionOptions) => {
    const [n, tokens, width] = q.shape
    const dim = width / heads
    if (!Number.isInteger(dim) || k.shape[2] !== width || v.shape[2] !== width || k.shape[1] !== v.shape[1]) {
      throw new CoreError(
        "shape",
        `attention: q [${q.shape.join(", ")}], k [${k.shape.join(", ")}], v [${v.shape.join(", ")}] with ${heads} heads; ` +
          "expected the same width, a multiple of the heads, and as many keys as values",
      )
    }
    const split = (x: Tensor3D): Tensor3D =>
      tf.reshape(tf.transpose(tf.reshape(x, [n, x.shape[1], heads, dim]), [0, 2, 1, 3]), [n * heads, x.shape[1], dim])
    const join = (x: Tensor3D): Tensor3D =>
      tf.reshape(tf.transpose(tf.reshape(x, [n, heads, x.shape[1], dim]), [0, 2, 1, 3]), [n, x.shape[1], width])
    const scale = 1 / Math.sqrt(dim)
    return vjp(keysGradient ? [q, k, v] : [q], () => {
      const [qs, ks, vs] = [tf.mul(split(q), scale) as Tensor3D, split(k), split(v)]
      const scores = product(qs, transposed(ks))
      const masked = causal ? tf.add(scores, causalMask(tokens, k.shape[1])) : scores
      const probabilities = tf.softmax(masked) as Tensor3D
      return {
        value: join(product(probabilities, vs)),
        saved: [qs, ks, vs, probabilities] as const,
        gradients: (dy, [qs, ks, vs, probabilities]) => {
          const dOut = split(dy)
          const dProbabilities = product(dOut, transposed(vs))
          const along = tf.sum(tf.mul(dProbabilities, probabilities), -1, true)
          const dScores = tf.mul(probabilities, tf.sub(dProbabilities, along)) as Tensor3D
          const dq = tf.mul(product(dScores, ks), scale) as Tensor3D
          if (!keysGradient) return [join(dq)]
          const dk = product(transposed(dScores), qs)
          const dv = product(transposed(probabilities), dOut)
          return [join(dq), join(dk), join(dv)]
        },
      }
    })
  }
}

/** [T, S]: 0 where a token may look, MASKED where it may not. */
function causalMask(tokens: number, keys: number): tf.Tensor2D {
  const mask = new Float32Array(tokens * keys)
  for (let t = 0; t < tokens; t++) mask.fill(MASKED, t * keys + t + 1, (t + 1) * keys)
  return tf.tensor2d(mask, [tokens, keys])
}
