import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { signal } from "./synthetic.ts"

/** A reference's picture, which is NCHW, as NHWC. */
export function fromNchw(values: Float32Array, shape: readonly number[]): Tensor4D {
  return tf.tidy(() => tf.transpose(tf.tensor4d(values, shape as [number, number, number, number]), [0, 2, 3, 1]))
}

/** The values of [N, H, W, C] in the order [N, C, H, W]. */
export async function toNchw(x: Tensor): Promise<Float32Array> {
  const channelsFirst = tf.tidy(() => tf.transpose(x, [0, 3, 1, 2]))
  const values = await channelsFirst.data<"float32">()
  channelsFirst.dispose()
  return values
}

/** A signal given as NCHW. */
export function signalNhwc(name: string, shape: readonly number[]): Tensor4D {
  return fromNchw(signal(name, shape), shape)
}
