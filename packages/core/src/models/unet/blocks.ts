import type { Tensor, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Conv2dWeight, LinearWeight, Ops, Padding } from "../../ops/ops.ts"
import type { AtSite, Grid } from "./at-site.ts"
import type {
  AttentionParams,
  Host,
  ResLayer,
  TransformerBlockParams,
  TransformerLayer,
  UnetBlock,
  UnetLayer,
} from "./params.ts"

/** What every block is given besides what flows through it. */
export interface BlockContext {
  readonly ops: Ops
  readonly atSite: AtSite
  /** SiLU of the time and size embedding. [N, 4·C] */
  readonly embedding: Tensor
  /** Text. [N, T, contextDim] */
  readonly context: Tensor3D
}

const GROUPS = 32
/** Residual blocks and the U-Net's last norm. */
export const RES_NORM = { groups: GROUPS, epsilon: 1e-5, silu: true } as const
/** The norm before a transformer has another epsilon: sd-scripts `library/sdxl_original_unet.py`. */
const TRANSFORMER_NORM = { groups: GROUPS, epsilon: 1e-6, silu: false } as const
const LAYER_NORM_EPSILON = 1e-5
const PAD_ONE: Padding = [1, 1, 1, 1]
const PAD_NONE: Padding = [0, 0, 0, 0]

/** Runs the layers of a block. x: [N, H, W, Cin] → [N, H', W', Cout] */
export function runBlock(given: BlockContext, block: UnetBlock, x: Tensor4D): Tensor4D {
  return inTurn(block.layers, x, (h, layer) => runLayer(given, layer, h))
}

/** Steps one after another, each of which holds what the one before it left and nothing else of it. x stays. */
function inTurn<S, T extends Tensor>(steps: readonly S[], x: T, run: (h: T, step: S) => T): T {
  return tf.tidy(() =>
    steps.reduce((h, step) => {
      const next = tf.tidy(() => run(h, step))
      if (h !== x) h.dispose()
      return next
    }, x),
  )
}

function runLayer(given: BlockContext, layer: UnetLayer, x: Tensor4D): Tensor4D {
  switch (layer.kind) {
    case "conv":
      return conv(given, layer.conv, x, PAD_ONE)
    case "downsample":
      return conv(given, layer.conv, x, PAD_ONE, 2)
    case "upsample":
      return conv(given, layer.conv, given.ops.upsample2x(x), PAD_ONE)
    case "res":
      return resLayer(given, layer, x)
    case "transformer":
      return transformerLayer(given, layer, x)
  }
}

function resLayer(given: BlockContext, layer: ResLayer, x: Tensor4D): Tensor4D {
  const { ops, embedding } = given
  const shifted = tf.tidy(() => {
    const h = conv(given, layer.inConv, ops.groupNorm(x, layer.inNorm, RES_NORM), PAD_ONE)
    const shift = ops.linear(embedding, layer.embedding)
    return tf.add(h, tf.reshape(shift, [-1, 1, 1, h.shape[3]])) as Tensor4D
  })
  const y = tf.tidy(() => {
    const normed = ops.groupNorm(shifted, layer.outNorm, RES_NORM)
    shifted.dispose()
    return conv(given, layer.outConv, normed, PAD_ONE)
  })
  return tf.add(layer.skip === null ? x : conv(given, layer.skip, x, PAD_NONE), y)
}

function transformerLayer(given: BlockContext, layer: TransformerLayer, x: Tensor4D): Tensor4D {
  const [n, height, width, channels] = x.shape
  const grid = { height, width }
  const h = tf.tidy(() => {
    const tokens = tf.reshape(given.ops.groupNorm(x, layer.norm, TRANSFORMER_NORM), [n, height * width, channels])
    return linear(given, layer.projIn, tokens, grid) as Tensor3D
  })
  const through = inTurn(layer.blocks, h, (tokens, block) => transformerBlock(given, block, tokens, grid))
  return tf.add(tf.reshape(linear(given, layer.projOut, through, grid), x.shape), x)
}

function transformerBlock(given: BlockContext, block: TransformerBlockParams, x: Tensor3D, grid: Grid): Tensor3D {
  const { ops, context } = given
  const steps: readonly ((h: Tensor3D) => Tensor)[] = [
    (h) => {
      const normed = ops.layerNorm(h, block.norm1, LAYER_NORM_EPSILON) as Tensor3D
      return attention(given, block.selfAttention, normed, normed, grid)
    },
    (h) => {
      const query = ops.layerNorm(h, block.norm2, LAYER_NORM_EPSILON) as Tensor3D
      return attention(given, block.crossAttention, query, context, grid)
    },
    (h) => {
      const fed = feedIn(given, block.feedIn, ops.layerNorm(h, block.norm3, LAYER_NORM_EPSILON), grid)
      return linear(given, block.feedOut, fed, grid)
    },
  ]
  return inTurn(steps, x, (h, step) =>
    tf.add(
      h,
      tf.tidy(() => step(h)),
    ),
  )
}

/**
 * The first half of a feed-forward, GEGLU of a layer eight times as wide as x: SDXL's largest activation. Every token
 * is fed by itself, so where a device takes no such tensor they are fed in parts. x: [N, T, C] → [N, T, 4·C]
 */
function feedIn({ ops, atSite }: BlockContext, { site, weight }: Host<LinearWeight>, x: Tensor, grid: Grid): Tensor {
  const fed = site === null ? x : (atSite([site], x, grid)[0] as Tensor)
  // What is wide is gone with each part.
  const feed = (rows: Tensor): Tensor => tf.tidy(() => ops.geglu(ops.linear(rows, weight)))
  const [n = 0, tokens = 0, channels = 0] = x.shape
  const [wide = 0] = weight.shape
  const count = n * tokens
  const most = Math.max(1, Math.floor((ops.maxTensorBytes ?? Number.POSITIVE_INFINITY) / (4 * wide)))
  if (count <= most) return feed(fed)
  const parts = Math.ceil(count / most)
  const edge = (part: number): number => Math.floor((part * count) / parts)
  const sizes = Array.from({ length: parts }, (_, part) => edge(part + 1) - edge(part))
  const made = tf.split(tf.reshape(fed, [count, channels]), sizes, 0).map(feed)
  return tf.reshape(tf.concat(made, 0), [n, tokens, -1])
}

function attention(given: BlockContext, params: AttentionParams, x: Tensor3D, source: Tensor3D, grid: Grid): Tensor {
  const attended = tf.tidy(() => {
    const [q, k, v] = (
      x === source
        ? linears(given, [params.q, params.k, params.v], x, grid)
        : [...linears(given, [params.q], x, grid), ...linears(given, [params.k, params.v], source, grid)]
    ) as [Tensor3D, Tensor3D, Tensor3D]
    return given.ops.attention(q, k, v, { heads: params.heads, causal: false })
  })
  return linear(given, params.out, attended, grid)
}

function linear(given: BlockContext, host: Host<LinearWeight>, x: Tensor, grid: Grid): Tensor {
  return linears(given, [host], x, grid)[0] as Tensor
}

/** Layers that read the same x. */
function linears(
  { ops, atSite }: BlockContext,
  hosts: readonly Host<LinearWeight>[],
  x: Tensor,
  grid: Grid,
): readonly Tensor[] {
  const sites = hosts.flatMap(({ site }) => (site === null ? [] : [site]))
  const fed = sites.length === 0 ? [] : atSite(sites, x, grid)
  let next = 0
  return hosts.map(({ site, weight }) => ops.linear(site === null ? x : (fed[next++] as Tensor), weight))
}

function conv(
  { ops, atSite }: BlockContext,
  host: Host<Conv2dWeight>,
  x: Tensor4D,
  padding: Padding,
  stride: 1 | 2 = 1,
): Tensor4D {
  const [, height, width] = x.shape
  const fed = host.site === null ? x : (atSite([host.site], x, { height, width })[0] as Tensor4D)
  return ops.conv2d(fed, host.weight, { stride, padding })
}
