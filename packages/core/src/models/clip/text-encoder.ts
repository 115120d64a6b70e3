import type { Tensor, Tensor2D, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import type { Ops } from "../../ops/ops.ts"
import { endPosition } from "./prompt.ts"
import type { TextEncoderParams, TextLayerParams } from "./weights.ts"

const NORM_EPSILON = 1e-5

export interface TextEncoding {
  /** What the last layer but one leaves, without the final norm: SDXL's context. [N, T, width] */
  readonly penultimate: Tensor3D
  /** The final state at the end token, projected; null without a projection. [N, projection] */
  readonly pooled: Tensor2D | null
}

/**
 * A CLIP text encoder. tokens: N lists of T ids. The pooled state is read at the first `endToken`.
 * Source: Radford et al. 2021; sd-scripts `library/strategy_sdxl.py`.
 *
 * @throws CoreError if a list is longer than the encoder's positions
 */
export function encodeText(
  ops: Ops,
  params: TextEncoderParams,
  tokens: readonly ArrayLike<number>[],
  endToken: number,
): TextEncoding {
  const { config } = params
  const length = tokens[0]?.length ?? 0
  if (length === 0 || length > config.positions) {
    throw new CoreError(`text encoder: ${length} tokens, expected 1 to ${config.positions}`)
  }
  const [penultimate, pooled] = tf.tidy((): Tensor[] => {
    const places = tokens.map((list) => Array.from(list, (_, place) => place))
    let h = tf.add(ops.lookUp(params.tokens, tokens), ops.lookUp(params.positions, places)) as Tensor3D
    let beforeLast = h
    for (const layer of params.layers) {
      beforeLast = h
      h = textLayer(ops, params, layer, h)
    }
    if (params.projection === null) return [beforeLast]
    const final = ops.layerNorm(h, params.finalNorm, NORM_EPSILON)
    const ends = tokens.map((list, n) => n * length + endPosition(list, endToken))
    const states = tf.gather(tf.reshape(final, [-1, config.width]), tf.tensor1d(ends, "int32"))
    return [beforeLast, ops.linear(states, params.projection)]
  })
  return { penultimate: penultimate as Tensor3D, pooled: (pooled as Tensor2D | undefined) ?? null }
}

function textLayer(ops: Ops, { config }: TextEncoderParams, layer: TextLayerParams, x: Tensor3D): Tensor3D {
  return tf.tidy(() => {
    const qkv = ops.linear(ops.layerNorm(x, layer.norm1, NORM_EPSILON), layer.qkv)
    const [q, k, v] = tf.split(qkv, 3, -1) as [Tensor3D, Tensor3D, Tensor3D]
    const attended = ops.attention(q, k, v, { heads: config.heads, causal: true })
    const h = tf.add(x, ops.linear(attended, layer.out))
    const fed = ops.linear(ops.layerNorm(h, layer.norm2, NORM_EPSILON), layer.feedIn)
    const active: Tensor = config.activation === "gelu" ? ops.gelu(fed) : ops.quickGelu(fed)
    return tf.add(h, ops.linear(active, layer.feedOut)) as Tensor3D
  })
}
