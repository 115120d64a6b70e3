import type { NetworkLayer } from "@lllite/format"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Tap } from "./taps.ts"

/**
 * Takes what a tap adds before a layer: the sums of squares of the delta and of what the layer reads without it, for
 * each row. sums: [2, N], which belongs to the receiver.
 */
export type MeasuredDelta = (layer: NetworkLayer, sums: Tensor, valuesOfRow: number) => void

/** A tap that gives the sizes of its deltas before layers to `receive`. Layers that it leaves as they are give none. */
export function measuredTap(tap: Tap, receive: MeasuredDelta): Tap {
  const { before } = tap
  if (before === undefined) return tap
  return {
    ...tap,
    has: (layer) => tap.has(layer),
    // What it gives to `receive` is more than a result.
    reads: () => null,
    before(layers, x, place) {
      const xs = before.call(tap, layers, x, place)
      for (const [i, layer] of layers.entries()) {
        const y = xs[i]
        if (y === undefined || y === x) continue
        const [rows = 1] = x.shape
        const squares = (values: Tensor): Tensor => tf.sum(tf.square(tf.reshape(values, [rows, -1])), 1)
        const sums = tf.keep(tf.tidy(() => tf.stack([squares(tf.sub(y, x)), squares(x)])))
        receive(layer, sums, x.size / rows)
      }
      return xs
    },
  }
}
