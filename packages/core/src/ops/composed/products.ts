import type { Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"

/** a: [B, M, K], b: [B, K, N] → [B, M, N] */
export type BatchedProduct = (a: Tensor3D, b: Tensor3D) => Tensor3D

export const batchedProduct: BatchedProduct = (a, b) => tf.matMul(a, b)

export const loopedProduct: BatchedProduct = (a, b) => {
  const left = tf.unstack(a)
  const right = tf.unstack(b)
  return tf.stack(left.map((matrix, i) => tf.matMul(matrix, right[i] as tf.Tensor))) as Tensor3D
}

/** [B, M, N] → [B, N, M] */
export function transposed(x: Tensor3D): Tensor3D {
  return tf.transpose(x, [0, 2, 1])
}
