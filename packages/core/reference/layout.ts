import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { signal, u } from "./synthetic.ts"

/** A reference's picture, which is NCHW, as NHWC. */
export function fromNchw(values: Float32Array, shape: readonly number[]): Tensor4D {
  return tf.tidy(() => tf.transpose(tf.tensor4d(values, shape as [number, number, number, number]), [0, 2, 3, 1]))
}

/** Values of [rows, channels, H, W] in the order [rows, H, W, channels], without a device. */
export function channelsLast(values: Float32Array, rows: number, channels: number): Float32Array {
  const size = values.length / rows / channels
  return values.map((_, i) => {
    const [row, place, channel] = [Math.floor(i / (size * channels)), Math.floor(i / channels) % size, i % channels]
    return values[(row * channels + channel) * size + place] as number
  })
}

/** The sum over each line of `width` values times the stream `probe`. It covers a tensor at a fraction of its size. */
export function probe(values: Float32Array, width: number): Float32Array {
  return Float32Array.from({ length: values.length / width }, (_, line) => {
    let sum = 0
    for (let i = 0; i < width; i++) sum += (values[line * width + i] as number) * u("probe", i)
    return sum
  })
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
