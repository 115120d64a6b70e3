import type { Tensor, Tensor2D, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import { checkRanges } from "../../number-range.ts"
import type { Ops } from "../../ops/ops.ts"
import { checkOps } from "../given.ts"
import type { PlacedLinear } from "../placed.ts"
import { runAtOnce, type Steps } from "../steps.ts"
import type { Tap, TapPlace } from "../taps.ts"
import { NO_TAP, runTapped, tapAfter, tapBefore, UNKNOWN_PASS } from "../taps.ts"
import { endPosition } from "./prompt.ts"
import type { TextEncoderParams, TextLayerParams } from "./weights.ts"

const NORM_EPSILON = 1e-5

export interface TextEncoding {
  /** The output of the layer that `clipSkip` chooses, without the final norm. [N, T, width] */
  readonly hidden: Tensor3D
  /** The final state at the end token, projected. Null without a projection. [N, projection] */
  readonly pooled: Tensor2D | null
}

export interface EncodeTextOptions {
  /** The tap before and after the layers. Default: no tap. */
  readonly tap?: Tap
  /**
   * The layer of the hidden states, counted from the end. 1 is the last layer, and one more than all layers the
   * token embeddings. Default: 2, as SDXL was trained with.
   */
  readonly clipSkip?: number
}

/** SDXL reads the layer before the last of both encoders. */
export const SDXL_CLIP_SKIP = 2

/**
 * A CLIP text encoder. tokens: N lists of T ids. The pooled state is read at the first `endToken`.
 * Source: Radford et al. 2021; sd-scripts `library/strategy_sdxl.py`.
 *
 * @throws CoreError if a list is longer than the encoder's positions, or if `clipSkip` names no layer
 */
export function encodeText(
  ops: Ops,
  params: TextEncoderParams,
  tokens: readonly ArrayLike<number>[],
  endToken: number,
  options: EncodeTextOptions = {},
): TextEncoding {
  checkOps("text encoder", ops)
  checkGiven("text encoder: the params", params, "layers", "loadSdxl")
  checkArgument("text encoder: the tokens", tokens, "a list")
  for (const list of tokens) checkArgument("text encoder: a list of tokens", list, "a list of numbers")
  checkRanges("text encoder", { endToken }, { endToken: { integer: true, min: 0, max: params.config.vocabulary - 1 } })
  checkArgument("text encoder: the options", options, "an object")
  return runAtOnce(encodeTextSteps(ops, params, tokens, endToken, options))
}

/** Encodes text as `encodeText` does, in steps. A step is a layer. */
export function* encodeTextSteps(
  ops: Ops,
  params: TextEncoderParams,
  tokens: readonly ArrayLike<number>[],
  endToken: number,
  { tap = NO_TAP, clipSkip = SDXL_CLIP_SKIP }: EncodeTextOptions = {},
): Steps<TextEncoding> {
  const { config } = params
  const length = tokens[0]?.length ?? 0
  if (length === 0 || length > config.positions) {
    throw new CoreError(
      "prompt-length",
      `text encoder: ${length} tokens, expected 1 to ${config.positions}. Cut the prompt, or encode it in chunks.`,
    )
  }
  if (!Number.isSafeInteger(clipSkip) || clipSkip < 1 || clipSkip > config.layers + 1) {
    throw new CoreError("option-range", `text encoder: clipSkip is ${clipSkip}, expected 1 to ${config.layers + 1}`)
  }
  // Layers after the chosen one are needed for the pooled state only.
  const chosen = params.layers.length - clipSkip
  const last = params.projection === null ? chosen : params.layers.length - 1
  let h = tf.tidy(() => {
    const places = tokens.map((list) => Array.from(list, (_, place) => place))
    return tf.add<Tensor3D>(lookUpTokens(ops, params, tokens), ops.lookUp(params.positions, places))
  })
  let hidden = h
  let isDone = false
  try {
    for (const [i, layer] of params.layers.slice(0, last + 1).entries()) {
      const before = h
      h = textLayer(ops, params, layer, before, tap)
      if (i <= chosen) hidden = h
      if (before !== hidden) before.dispose()
      yield
    }
    const pooled = pooledState(ops, params, h, tokens, endToken)
    isDone = true
    return { hidden, pooled }
  } finally {
    if (h !== hidden) h.dispose()
    if (!isDone) hidden.dispose()
  }
}

/** The final state at the end token, projected. h: [N, T, width] → [N, projection] */
function pooledState(
  ops: Ops,
  { config, projection, finalNorm }: TextEncoderParams,
  h: Tensor3D,
  tokens: readonly ArrayLike<number>[],
  endToken: number,
): Tensor2D | null {
  if (projection === null) return null
  return tf.tidy(() => {
    const final = ops.layerNorm(h, finalNorm, NORM_EPSILON)
    const ends = tokens.map((list, n) => n * h.shape[1] + endPosition(list, endToken))
    const states = tf.gather(tf.reshape(final, [-1, config.width]), tf.tensor1d(ends, "int32"))
    return ops.linear(states, projection) as Tensor2D
  })
}

/** The embeddings of tokens. Ids after the vocabulary are those of `added`. → [N, T, width] */
function lookUpTokens(ops: Ops, params: TextEncoderParams, tokens: readonly ArrayLike<number>[]): Tensor3D {
  const { added, config } = params
  const { vocabulary, width } = config
  if (added === undefined || tokens.every((list) => Array.from(list).every((id) => id < vocabulary))) {
    return ops.lookUp(params.tokens, tokens)
  }
  return tf.tidy(() => {
    const [count, length] = [tokens.length, tokens[0]?.length ?? 0]
    const values = new Float32Array(count * length * width)
    const isAdded = new Uint8Array(count * length)
    const plain = tokens.map((list, n) =>
      Array.from(list, (id, place) => {
        if (id < vocabulary) return id
        const at = n * length + place
        isAdded[at] = 1
        values.set(added.subarray((id - vocabulary) * width, (id - vocabulary + 1) * width), at * width)
        return 0
      }),
    )
    const mask = tf.tensor3d(isAdded, [count, length, 1], "bool")
    return tf.where(mask, tf.tensor3d(values, [count, length, width]), ops.lookUp(params.tokens, plain))
  })
}

/** Text has no position in the picture, and no step. */
const PLACE: TapPlace = { ...UNKNOWN_PASS, grid: null }

function textLayer(ops: Ops, params: TextEncoderParams, layer: TextLayerParams, x: Tensor3D, tap: Tap): Tensor3D {
  const { heads, activation } = params.config
  const linear = ({ layer, weight }: PlacedLinear, x: Tensor): Tensor =>
    runTapped(tap, [layer], x, PLACE, (_, read) => ops.linear(read, weight))[0] as Tensor
  return tf.tidy(() => {
    const [q, k, v] = joinedLinear(ops, layer.qkv, ops.layerNorm(x, layer.norm1, NORM_EPSILON), tap)
    const attended = ops.attention(q as Tensor3D, k as Tensor3D, v as Tensor3D, { heads, causal: true })
    const h = tf.add(x, linear(layer.out, attended))
    const fed = linear(layer.feedIn, ops.layerNorm(h, layer.norm2, NORM_EPSILON))
    const active: Tensor = activation === "gelu" ? ops.gelu(fed) : ops.quickGelu(fed)
    return tf.add(h, linear(layer.feedOut, active)) as Tensor3D
  })
}

/** Layers that share one weight. They are one product, or one product each where a tap gives them different inputs. */
function joinedLinear(ops: Ops, { weight, layers }: TextLayerParams["qkv"], x: Tensor, tap: Tap): readonly Tensor[] {
  const product = (read: Tensor): readonly Tensor[] => tf.split(ops.linear(read, weight), layers.length, -1)
  const xs = tapBefore(tap, layers, x, PLACE)
  const ys = xs.every((read) => read === x) ? product(x) : xs.map((read, i) => product(read)[i] as Tensor)
  return tapAfter(tap, layers, xs, ys, PLACE)
}
