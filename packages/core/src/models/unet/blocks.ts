import type { NetworkLayer } from "@lllite/format"
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import {
  conv2dPlus,
  conv2dShift,
  groupNormBeside,
  layerNormBeside,
  linearEach,
  linearGeglu,
  linearPlus,
  selfAttention,
} from "../../ops/joined-verbs.ts"
import type { Conv2dOptions, LinearWeight, NormWeight, Ops, Padding } from "../../ops/ops.ts"
import type { PlacedConv, PlacedLinear } from "../placed.ts"
import type { Grid, Pass, Tap, TapPlace } from "../taps.ts"
import { chainTaps, runTapped, tapAfter, tapBefore, tapReads } from "../taps.ts"
import type { AttentionParams, ResParams, TransformerBlockParams, TransformerParams, UnetBlock } from "./params.ts"
import { placesOf } from "./params.ts"
import { type TextKeyCache, type TextKeys, textKeysTogether } from "./text-keys.ts"
import type { TextRegion } from "./text-regions.ts"

/** The values that every block reads besides its inputs. */
export interface BlockContext {
  readonly ops: Ops
  readonly tap: Tap
  readonly pass: Pass
  /** Channels of one attention head. */
  readonly headDim: number
  /** SiLU of the time and size embedding. [N, 4·C] */
  readonly embedding: Tensor
  /** Text. [N, T, contextDim] */
  readonly context: Tensor3D
  /** Tensors that were made for the context, besides its embedding and shifts. Default: none */
  readonly made?: readonly Tensor[]
  /** The text's keys and values of former passes. Default: none are kept. */
  readonly textKeys?: TextKeyCache | null
  /** The text's keys and values, where they are computed for several blocks at once. Default: none are. */
  readonly textKeysHere?: ReadonlyMap<AttentionParams, TextKeys> | null
  /** What residual blocks add by the embedding, where it is computed for several at once. [N, C] Default: none is. */
  readonly shifts?: ReadonlyMap<PlacedLinear, Tensor2D> | null
  /** Texts of regions, which the last rows read in place of the context. Default: none. */
  readonly regions?: readonly TextRegion[] | null
  /**
   * Whether the runtime may run parts of a block as one. Then the embedding and the context get no gradients. Default:
   * false.
   */
  readonly isWhole?: boolean
}

const GROUPS = 32
/** The norm of residual blocks, and the U-Net's last norm. */
export const RES_NORM = { groups: GROUPS, epsilon: 1e-5, silu: true } as const
/** The norm before a transformer has another epsilon: sd-scripts `library/sdxl_original_unet.py`. */
const TRANSFORMER_NORM = { groups: GROUPS, epsilon: 1e-6, silu: false } as const
const LAYER_NORM_EPSILON = 1e-5
const PAD_ONE: Padding = [1, 1, 1, 1]
const PAD_NONE: Padding = [0, 0, 0, 0]

/** Runs the parts of a block. x: [N, H, W, Cin] → [N, H', W', Cout] */
export function runBlock(on: BlockContext, block: UnetBlock, x: Tensor4D): Tensor4D {
  return runInOrder(block.parts, x, (h, part) => runPart(on, part, h))
}

/** A part that a runtime may run as one. */
interface WholePart<X extends Tensor> {
  readonly name: string
  /** The part's weights. */
  readonly tree: object
  readonly x: X
  /** What the part reads besides x and its weights. Default: nothing. */
  readonly reads?: readonly Tensor[]
  /** The grid of its layers' inputs, except for those of `noGrid`. */
  readonly grid: Grid
  /** Layers that read text or an embedding. Default: none. */
  readonly noGrid?: readonly PlacedLinear[]
}

/** Runs a part as one where the runtime can, and the tap says what it reads. */
function whole<X extends Tensor, Y extends Tensor>(
  { ops, tap, pass, headDim, isWhole = false }: BlockContext,
  { name, tree, x, reads = [], grid, noGrid = [] }: WholePart<X>,
  run: (x: X) => Y,
): Y {
  if (!isWhole || ops.runPart === undefined) return run(x)
  const { layers, weights } = placesOf(tree)
  const placeOf = (layer: NetworkLayer): TapPlace => ({
    ...pass,
    grid: noGrid.some((placed) => placed.layer === layer) ? null : grid,
  })
  const tapped = tapReads(tap, layers, placeOf, x.shape[0] as number)
  if (tapped === null) return run(x)
  return ops.runPart({
    key: `${name} ${grid.height}×${grid.width} ${headDim} ${tapped.key}`,
    x,
    reads: [...reads, ...weights, ...tapped.reads],
    trained: tapped.trained,
    run,
  })
}

function gridOf({ shape: [, height, width] }: Tensor4D): Grid {
  return { height, width }
}

/** Runs steps one after another. Each step's input is freed as soon as its result exists. x stays. */
function runInOrder<S, T extends Tensor>(steps: readonly S[], x: T, run: (h: T, step: S) => T): T {
  return tf.tidy(() =>
    steps.reduce((h, step) => {
      const next = tf.tidy(() => run(h, step))
      if (h !== x) h.dispose()
      return next
    }, x),
  )
}

function runPart(on: BlockContext, part: UnetBlock["parts"][number], x: Tensor4D): Tensor4D {
  switch (part.kind) {
    case "conv":
    case "downsample":
      return whole(on, { name: part.kind, tree: part, x, grid: gridOf(x) }, (h) => conv(on, part.conv, h))
    case "upsample": {
      const grid = { height: 2 * x.shape[1], width: 2 * x.shape[2] }
      return whole(on, { name: "upsample", tree: part, x, grid }, (h) => conv(on, part.conv, on.ops.upsample2x(h)))
    }
    case "res": {
      const place = { name: "res", tree: part, x, reads: [on.embedding], grid: gridOf(x), noGrid: [part.embedding] }
      return whole(on, place, (h) => resPart(on, part, h))
    }
    case "transformer":
      return transformerPart(on, part, x)
  }
}

function resPart(on: BlockContext, part: ResParams, x: Tensor4D): Tensor4D {
  const { ops, embedding } = on
  return tf.tidy(() => {
    const [inside, beside] = groupNormBeside(ops, x, part.inNorm, RES_NORM)
    const shifted = tf.tidy(() => {
      const shift = on.shifts?.get(part.embedding) ?? (linear(on, part.embedding, embedding, null) as Tensor2D)
      return convShift(on, part.inConv, inside, shift)
    })
    inside.dispose()
    const normed = ops.groupNorm(shifted, part.outNorm, RES_NORM)
    shifted.dispose()
    return convPlus(on, part.outConv, normed, part.skip === null ? beside : conv(on, part.skip, beside))
  })
}

function transformerPart(on: BlockContext, part: TransformerParams, x: Tensor4D): Tensor4D {
  const [n, height, width, channels] = x.shape
  const grid = { height, width }
  const projected = (normed: Tensor4D): Tensor3D =>
    linear(on, part.projIn, tf.reshape(normed, [n, height * width, channels]), grid) as Tensor3D
  const enter = (): readonly [h: Tensor3D, beside: Tensor4D] => {
    const [normed, beside] = groupNormBeside(on.ops, x, part.norm, TRANSFORMER_NORM)
    const h = projected(normed)
    normed.dispose()
    return [h, beside]
  }
  const enterWhole = (): readonly [h: Tensor3D, beside: Tensor4D] => {
    const run = (x: Tensor4D): Tensor3D => tf.tidy(() => projected(on.ops.groupNorm(x, part.norm, TRANSFORMER_NORM)))
    return [whole(on, { name: "into", tree: [part.norm, part.projIn], x, grid }, run), x]
  }
  const isDivided = on.ops.runPart !== undefined
  const [h, beside] = isDivided ? enterWhole() : enter()
  const readsText = on.isWhole === true && !isDivided && on.textKeys == null && on.regions == null
  const cross = part.blocks.map(({ crossAttention }) => crossAttention)
  const here = readsText ? { ...on, textKeysHere: textKeysTogether(on, cross) } : on
  const through = runInOrder(part.blocks, h, (tokens, block) => {
    if (on.regions != null) return transformerBlock(on, block, tokens, grid)
    const { k, v } = block.crossAttention
    // Where they are kept, the block reads the text's keys and values in place of the text.
    const kept = keyCache(on, block.crossAttention) === null ? null : textKeys(on, block.crossAttention, on.context)
    const name = kept === null ? "transformer" : "transformer with text"
    const place = { name, tree: block, x: tokens, reads: kept ?? [on.context], grid, noGrid: [k, v] }
    return whole(on, place, (tokens) => transformerBlock(here, block, tokens, grid))
  })
  // A part that runs as one has a single input with a gradient. So the sum stands outside.
  if (!isDivided) {
    const plus = tf.reshape(beside, through.shape)
    return tf.reshape(linearPlusAt(on, part.projOut, through, grid, plus), x.shape)
  }
  const back = whole(on, { name: "out of", tree: part.projOut, x: through, grid }, (tokens) =>
    linear(on, part.projOut, tokens, grid),
  )
  return tf.add(tf.reshape(back, x.shape), beside)
}

function transformerBlock(on: BlockContext, block: TransformerBlockParams, x: Tensor3D, grid: Grid): Tensor3D {
  const { ops, context } = on
  const steps: readonly ((h: Tensor3D) => Tensor3D)[] = [
    (h) => {
      const [normed, plus] = besideNorm(ops, h, block.norm1)
      return attention(on, block.selfAttention, normed, normed, grid, plus)
    },
    (h) => {
      const [query, plus] = besideNorm(ops, h, block.norm2)
      if (on.regions != null) return tf.add(plus, regionalAttention(on, on.regions, block.crossAttention, query, grid))
      return attention(on, block.crossAttention, query, context, grid, plus)
    },
    (h) => {
      const [normed, plus] = besideNorm(ops, h, block.norm3)
      const active = feedIn(on, block.feedIn, normed, grid)
      return linearPlusAt(on, block.feedOut, active, grid, plus) as Tensor3D
    },
  ]
  return runInOrder(steps, x, (h, step) => step(h))
}

/** Tokens as a layer reads them, and as they are added to its result. */
function besideNorm(ops: Ops, h: Tensor3D, weight: NormWeight): readonly [normed: Tensor3D, plus: Tensor3D] {
  return layerNormBeside(ops, h, weight, LAYER_NORM_EPSILON) as readonly [Tensor3D, Tensor3D]
}

/**
 * The first half of a feed-forward: GEGLU of a layer eight times as wide as x, which is SDXL's largest activation.
 * Tokens are independent here. A device that takes no tensor of this size gets them in parts.
 * x: [N, T, C] → [N, T, 4·C]
 */
function feedIn(on: BlockContext, { layer, weight }: PlacedLinear, x: Tensor, grid: Grid): Tensor {
  const { ops, tap, pass } = on
  const place = { ...pass, grid }
  const layers = [layer]
  // The wide result of a part is freed before the next part runs.
  const feed = (read: Tensor): Tensor =>
    actsAfter(tap, layer)
      ? tf.tidy(() => ops.geglu(tapAfter(tap, layers, [read], [ops.linear(read, weight)], place)[0] as Tensor))
      : linearGeglu(ops, read, weight)
  const [n = 1, tokens = 1] = x.shape
  const [read] = tapBefore(tap, layers, x, place) as readonly [Tensor]
  const tokenBytes = 4 * n * layer.outDim
  const most = Math.max(1, Math.floor((ops.maxTensorBytes ?? Number.POSITIVE_INFINITY) / tokenBytes))
  if (tokens <= most) return feed(read)
  const parts = Math.ceil(tokens / most)
  const edge = (part: number): number => Math.floor((part * tokens) / parts)
  const sizes = Array.from({ length: parts }, (_, part) => edge(part + 1) - edge(part))
  return tf.concat(tf.split(read, sizes, 1).map(feed), 1)
}

/** Attention of x to a source, added to `plus`. → [N, T, C] */
function attention(
  on: BlockContext,
  params: AttentionParams,
  x: Tensor3D,
  source: Tensor3D,
  grid: Grid,
  plus: Tensor3D,
): Tensor3D {
  const { ops, tap, pass, isWhole = false } = on
  const heads = params.q.layer.outDim / on.headDim
  const projections = [params.q, params.k, params.v] as const
  const layers = projections.map(({ layer }) => layer)
  const attended = tf.tidy(() => {
    if (x === source && !layers.some((layer) => actsAfter(tap, layer))) {
      const xs = tapBefore(tap, layers, x, { ...pass, grid }) as readonly [Tensor3D, Tensor3D, Tensor3D]
      return selfAttention(ops, xs, [params.q.weight, params.k.weight, params.v.weight], { heads, causal: false })
    }
    const [q, k, v] = (
      x === source
        ? linears(on, projections, x, grid)
        : [...linears(on, [params.q], x, grid), ...textKeys(on, params, source)]
    ) as [Tensor3D, Tensor3D, Tensor3D]
    // Where parts may run as one, the text gets no gradient, and so its keys have one by a tap only.
    const keysGradient = x === source || !isWhole || tap.has(params.k.layer) || tap.has(params.v.layer)
    return ops.attention(q, k, v, { heads, causal: false, keysGradient })
  })
  return linearPlusAt(on, params.out, attended, grid, plus) as Tensor3D
}

/** Keeps the division of a place without a region from failing. Source: sd-scripts. */
const NO_REGION = 1e-4

/**
 * Cross-attention with a text for each region. What the texts give is averaged by their shares at each token. The rows
 * of negative prompts come first, and read the context.
 *
 * Source: sd-scripts `networks/lora.py`, `LoRAInfModule.to_out_forward`.
 */
function regionalAttention(
  on: BlockContext,
  regions: readonly TextRegion[],
  params: AttentionParams,
  x: Tensor3D,
  grid: Grid,
): Tensor {
  const { q, k, v, out } = params
  const pictures = regions[0]?.context.shape[0] ?? 0
  const first = x.shape[0] - pictures
  const [query] = linears(on, [q], x, grid) as [Tensor3D]
  const rowsOf = (h: Tensor3D, from: number, count: number): Tensor3D => tf.slice(h, [from, 0, 0], [count, -1, -1])
  const rowsOn = (from: number, count: number): BlockContext => ({
    ...on,
    pass: { ...on.pass, rows: on.pass.rows?.slice(from, from + count) ?? null },
  })
  const attend = (here: BlockContext, query: Tensor3D, context: Tensor3D): Tensor => {
    const [keys, values] = linears(here, [k, v], context, null) as [Tensor3D, Tensor3D]
    return on.ops.attention(query, keys, values, { heads: q.layer.outDim / on.headDim, causal: false })
  }
  const plain = (): readonly Tensor[] => {
    if (first === 0) return []
    const here = rowsOn(0, first)
    return [linear(here, out, attend(here, rowsOf(query, 0, first), rowsOf(on.context, 0, first)), grid)]
  }
  const here = rowsOn(first, pictures)
  const shares = regions.map((region) => region.share(grid))
  const total = shares.reduce((sum, share) => tf.add(sum, share), tf.scalar(NO_REGION) as Tensor)
  const given = regions.map(({ context, tap }, i) => {
    const share = shares[i] as Tensor
    const own = { ...here, tap: chainTaps([tap, here.tap]) }
    const attended = attend(own, rowsOf(query, first, pictures), context)
    const y = linear(here, out, attended, grid)
    const averaged = tf.mul(y, tf.div(share, total))
    if (!tap.has(out.layer)) return averaged
    // What a region's tap adds is not divided where regions overlap.
    return tf.add(averaged, tf.mul(tf.sub(linear(own, out, attended, grid), y), share))
  })
  return tf.concat([...plain(), tf.addN(given)], 0)
}

/** Where keys and values of the text are kept. A tap may change them in every pass, and then none are kept. */
function keyCache({ tap, textKeys = null }: BlockContext, { k, v }: AttentionParams): TextKeyCache | null {
  return tap.has(k.layer) || tap.has(v.layer) ? null : textKeys
}

/** Keys and values of the text. */
function textKeys(on: BlockContext, params: AttentionParams, source: Tensor3D): readonly Tensor[] {
  const { k, v } = params
  const here = on.textKeysHere?.get(params)
  if (here !== undefined) return [here.keys, here.values]
  const cache = keyCache(on, params)
  if (cache === null) return linears(on, [k, v], source, null)
  const { keys, values } = cache.at(params, () => {
    const [keys, values] = linears(on, [k, v], source, null) as [Tensor3D, Tensor3D]
    return { keys, values }
  })
  return [keys, values]
}

function linear(on: BlockContext, placed: PlacedLinear, x: Tensor, grid: Grid | null): Tensor {
  return linears(on, [placed], x, grid)[0] as Tensor
}

/** A layer's result, added to a tensor. */
function linearPlusAt(on: BlockContext, placed: PlacedLinear, x: Tensor, grid: Grid, plus: Tensor): Tensor {
  const { ops, tap, pass } = on
  const { layer, weight } = placed
  if (actsAfter(tap, layer)) return tf.add(plus, linear(on, placed, x, grid))
  const [read] = tapBefore(tap, [layer], x, { ...pass, grid }) as readonly [Tensor]
  return linearPlus(ops, read, weight, plus)
}

/** Layers that read the same x. */
function linears(
  { ops, tap, pass }: BlockContext,
  placed: readonly PlacedLinear[],
  x: Tensor,
  grid: Grid | null,
): readonly Tensor[] {
  const layers = placed.map(({ layer }) => layer)
  const weights = placed.map(({ weight }) => weight)
  if (placed.length > 1 && !layers.some((layer) => tap.has(layer))) return linearEach(ops, x, weights)
  return runTapped(tap, layers, x, { ...pass, grid }, (i, read) => ops.linear(read, weights[i] as LinearWeight))
}

function conv({ ops, tap, pass }: BlockContext, { layer, weight }: PlacedConv, x: Tensor4D): Tensor4D {
  const [, height, width] = x.shape
  const run = (_: number, read: Tensor): Tensor => ops.conv2d(read as Tensor4D, weight, convOptions(layer))
  return runTapped(tap, [layer], x, { ...pass, grid: { height, width } }, run)[0] as Tensor4D
}

/** A convolution's result, added to a tensor. */
function convPlus(on: BlockContext, placed: PlacedConv, x: Tensor4D, plus: Tensor4D): Tensor4D {
  const { ops, tap, pass } = on
  const { layer, weight } = placed
  if (actsAfter(tap, layer)) return tf.add(plus, conv(on, placed, x))
  const [read] = tapBefore(tap, [layer], x, { ...pass, grid: gridOf(x) }) as readonly [Tensor4D]
  return conv2dPlus(ops, read, weight, convOptions(layer), plus)
}

/** A convolution's result, plus a value for each sample and channel. shift: [N, C] */
function convShift(on: BlockContext, placed: PlacedConv, x: Tensor4D, shift: Tensor2D): Tensor4D {
  const { ops, tap, pass, isWhole = false } = on
  const { layer, weight } = placed
  // The verb gives the shift no gradient.
  if (!isWhole || actsAfter(tap, layer)) {
    const y = conv(on, placed, x)
    return tf.add(y, tf.reshape(shift, [-1, 1, 1, y.shape[3]]))
  }
  const [read] = tapBefore(tap, [layer], x, { ...pass, grid: gridOf(x) }) as readonly [Tensor4D]
  return conv2dShift(ops, read, weight, convOptions(layer), shift)
}

/** Whether a tap has to see a layer's own result. */
function actsAfter(tap: Tap, layer: NetworkLayer): boolean {
  return tap.after !== undefined && tap.has(layer)
}

function convOptions({ stride, kernel }: PlacedConv["layer"]): Conv2dOptions {
  return { stride, padding: kernel === 1 ? PAD_NONE : PAD_ONE }
}
