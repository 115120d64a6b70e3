import type { NetworkLayer } from "@lllite/format"
import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { signal } from "../reference/synthetic.ts"
import type { Tap } from "../src/models/taps.ts"

/** A low-rank product beside some layers, as in a LoRA. */
export interface LowRank {
  readonly tap: Tap
  /** Both factors of every layer: [kernel, kernel, in, rank] and [rank, out]. */
  readonly leaves: readonly Tensor[]
  leavesAt(layer: NetworkLayer): readonly Tensor[]
  /** The delta that merges the product into a layer's weight, in the file's layout. Null for other layers. */
  delta(layer: NetworkLayer): Float32Array | null
  dispose(): void
}

const RANK = 2

/** The factors beside a layer: `down`, [kernel, kernel, in, rank], and `up`, [rank, out]. */
export interface Factors {
  readonly down: Tensor4D
  readonly up: Tensor2D
}

/** A tap that gives y + up(down(x)) after each layer with factors. */
export function lowRankTap(factorsOf: (layer: NetworkLayer) => Factors | undefined): Tap {
  const product = ({ kind, kernel, stride, inDim }: NetworkLayer, x: Tensor, down: Tensor4D): Tensor =>
    kind === "conv"
      ? tf.conv2d(x as Tensor4D, down, stride, kernel === 1 ? 0 : 1)
      : tf.matMul(tf.reshape(x, [-1, inDim]), tf.reshape(down, [inDim, RANK]))
  return {
    has: (layer) => factorsOf(layer) !== undefined,
    after: (layers, xs, ys) =>
      layers.map((layer, i) => {
        const [x, y, factors] = [xs[i] as Tensor, ys[i] as Tensor, factorsOf(layer)]
        if (factors === undefined) return y
        const narrow = product(layer, x, factors.down)
        return tf.add(y, tf.reshape(tf.matMul(tf.reshape(narrow, [-1, RANK]), factors.up), y.shape))
      }),
  }
}

/** Makes factors from names, beside each of these layers. */
export function createLowRank(layers: readonly NetworkLayer[], scale = 0.3): LowRank {
  const id = ({ network, path }: NetworkLayer): string => `${network}/${path}`
  const factors = new Map(
    layers.map((layer) => {
      const { kernel, inDim, outDim } = layer
      const spread = scale / Math.sqrt(inDim * kernel * kernel)
      const down = signal(`${id(layer)}/down`, [kernel, kernel, inDim, RANK]).map((value) => value * spread)
      return [
        id(layer),
        {
          down: tf.tensor4d(down, [kernel, kernel, inDim, RANK]),
          up: tf.tensor2d(signal(`${id(layer)}/up`, [RANK, outDim]), [RANK, outDim]),
        },
      ] as const
    }),
  )
  return {
    leaves: [...factors.values()].flatMap(({ down, up }) => [down, up]),
    leavesAt(layer) {
      const found = factors.get(id(layer))
      return found === undefined ? [] : [found.down, found.up]
    },
    tap: lowRankTap((layer) => factors.get(id(layer))),
    delta(layer) {
      const found = factors.get(id(layer))
      if (found === undefined) return null
      return tf.tidy(() => {
        const whole = tf.matMul(tf.reshape(found.down, [-1, RANK]), found.up)
        const { kernel, inDim, outDim } = layer
        const filter = tf.transpose(tf.reshape(whole, [kernel, kernel, inDim, outDim]), [3, 2, 0, 1])
        return filter.dataSync<"float32">()
      })
    },
    dispose: () => tf.dispose([...factors.values()].flatMap(({ down, up }) => [down, up])),
  }
}
