import type { NetworkLayer } from "@lllite/format"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven } from "../argument.ts"
import type { PassPosition, PassRow } from "../diffusion/pass-position.ts"
import type { Weight } from "../ops/ops.ts"

/** Rows and columns that a layer's tokens or pixels form. */
export interface Grid {
  readonly height: number
  readonly width: number
}

/** The position of a pass, as far as it is known. */
export interface Pass {
  /** Null outside sampling, where rows may have different timesteps. */
  readonly position: PassPosition | null
  /** The picture and the guidance of each row of the batch. Null where they are not known. */
  readonly rows: readonly PassRow[] | null
}

/** A pass whose position and rows are not known. */
export const UNKNOWN_PASS: Pass = Object.freeze({ position: null, rows: null })

/** A tap's arguments besides the tensors. */
export interface TapPlace extends Pass {
  /** The grid of the tokens or pixels in the picture. Null where they are text or an embedding. */
  readonly grid: Grid | null
}

/** What a tap reads at a layer, for runtimes that record parts of a network. See `NetworkPart`. */
export interface TapReads {
  /** Names the ops and the numbers in them, except for shapes of the tensors that are read. */
  readonly key: string
  /** Tensors and weights without a gradient, in an order that the key decides. */
  readonly reads: readonly (Tensor | Weight)[]
  /** Tensors that get a gradient, in an order that the key decides. */
  readonly trained: readonly Tensor[]
}

/**
 * A tap changes what the layers of a network read and give. Layers that read the same x (the queries, keys and values
 * of self-attention) make one call, so that common work is done once. Every other layer makes a separate call.
 *
 * x: [N, T, C] of tokens, [N, H, W, C] of pixels, [N, C] of an embedding. A wide linear layer may run in parts of its
 * tokens. So `after` has to compute every token of a linear layer alone.
 */
export interface Tap {
  /** Whether the tap acts at a layer. The answer never changes. */
  has(layer: NetworkLayer): boolean
  /** The input of each layer, of x's shape, in the layers' order. Default: x. */
  before?(layers: readonly NetworkLayer[], x: Tensor, place: TapPlace): readonly Tensor[]
  /**
   * The output of each layer, of y's shape, in the layers' order. xs are their inputs, ys their outputs so far.
   * Default: ys.
   */
  after?(
    layers: readonly NetworkLayer[],
    xs: readonly Tensor[],
    ys: readonly Tensor[],
    place: TapPlace,
  ): readonly Tensor[]
  /**
   * What `before` and `after` read at a layer where the tap acts, in a batch of `count` rows. Null where that is not
   * known: then the layers run one by one. Default: not known.
   */
  reads?(layer: NetworkLayer, place: TapPlace, count: number): TapReads | null
}

/** A tap that acts at no layer. */
export const NO_TAP: Tap = Object.freeze({ has: () => false })

/** The inputs of layers that read the same x. */
export function tapBefore(tap: Tap, layers: readonly NetworkLayer[], x: Tensor, place: TapPlace): readonly Tensor[] {
  const xs = layers.some((layer) => tap.has(layer)) ? tap.before?.(layers, x, place) : undefined
  return xs ?? layers.map(() => x)
}

/** The outputs of layers that read xs and computed ys. */
export function tapAfter(
  tap: Tap,
  layers: readonly NetworkLayer[],
  xs: readonly Tensor[],
  ys: readonly Tensor[],
  place: TapPlace,
): readonly Tensor[] {
  return (layers.some((layer) => tap.has(layer)) ? tap.after?.(layers, xs, ys, place) : undefined) ?? ys
}

/** What a tap reads at layers, each with its grid. Null where that is not known for one of them. */
export function tapReads(
  tap: Tap,
  layers: readonly NetworkLayer[],
  placeOf: (layer: NetworkLayer) => TapPlace,
  count: number,
): TapReads | null {
  return joinReads(
    layers.map((layer) => (tap.has(layer) ? (tap.reads?.(layer, placeOf(layer), count) ?? null) : NO_READS)),
  )
}

/** What a tap reads where it does nothing. */
export const NO_READS: TapReads = Object.freeze({ key: "", reads: [], trained: [] })

/** Several taps' reads as one's. Null if one is not known. */
function joinReads(all: readonly (TapReads | null)[]): TapReads | null {
  const known = all.filter((each) => each !== null)
  if (known.length < all.length) return null
  return {
    key: known.map(({ key }) => key).join("|"),
    reads: known.flatMap(({ reads }) => reads),
    // A tensor gets one gradient, however many layers read it.
    trained: [...new Set(known.flatMap(({ trained }) => trained))],
  }
}

/** What taps read at a layer, together. */
function readsOfAll(name: string, taps: readonly Tap[]): NonNullable<Tap["reads"]> {
  return (layer, place, count) => {
    const joined = joinReads(taps.map((tap) => tapReads(tap, [layer], () => place, count)))
    return joined === null ? null : { ...joined, key: `${name}(${joined.key})` }
  }
}

/**
 * Runs layers that read the same x, with the tap before and after them.
 *
 * @param run computes the layer with this index
 */
export function runTapped(
  tap: Tap,
  layers: readonly NetworkLayer[],
  x: Tensor,
  place: TapPlace,
  run: (index: number, x: Tensor) => Tensor,
): readonly Tensor[] {
  const xs = tapBefore(tap, layers, x, place)
  const ys = xs.map((read, index) => run(index, read))
  return tapAfter(tap, layers, xs, ys, place)
}

/**
 * Several taps one after another. Before a layer the last tap reads x, and each other tap reads the result of the tap
 * behind it. So sd-scripts chains LLLites. ComfyUI runs its patches the other way round: give it the taps in reverse.
 * After a layer the first tap reads y.
 */
export function chainTaps(taps: readonly Tap[]): Tap {
  checkArgument("taps: the list", taps, "a list")
  for (const tap of taps) checkGiven("taps: a tap", tap, "has", "llliteTap or loraTap")
  const [only] = taps
  if (only !== undefined && taps.length === 1) return only
  return {
    has: (layer) => taps.some((tap) => tap.has(layer)),
    before(layers, x, place) {
      const [first, ...more] = taps.filter(({ before }) => before !== undefined).reverse()
      const xs = first?.before?.(layers, x, place) ?? layers.map(() => x)
      // From here on the layers have different inputs.
      return xs.map((own, i) =>
        more.reduce((h, tap) => {
          const [layer] = layers.slice(i, i + 1)
          return layer === undefined || !tap.has(layer) ? h : (tap.before?.([layer], h, place)[0] ?? h)
        }, own),
      )
    },
    after: (layers, xs, ys, place) => taps.reduce((all, tap) => tap.after?.(layers, xs, all, place) ?? all, ys),
    reads: readsOfAll("chain", taps),
  }
}

/** Several taps side by side. Every tap reads x and y, and their deltas are summed, as in sd-webui-controlnet. */
export function sumTaps(taps: readonly Tap[]): Tap {
  checkArgument("taps: the list", taps, "a list")
  for (const tap of taps) checkGiven("taps: a tap", tap, "has", "llliteTap or loraTap")
  const summed = (originals: readonly Tensor[], changed: readonly (readonly Tensor[])[]): readonly Tensor[] =>
    tf.tidy(() =>
      originals.map((original, i) =>
        changed.reduce((sum, each) => tf.add(sum, tf.sub(each[i] ?? original, original)), original),
      ),
    )
  return {
    has: (layer) => taps.some((tap) => tap.has(layer)),
    before: (layers, x, place) =>
      summed(
        layers.map(() => x),
        taps.flatMap((tap) => (tap.before === undefined ? [] : [tap.before(layers, x, place)])),
      ),
    after: (layers, xs, ys, place) =>
      summed(
        ys,
        taps.flatMap((tap) => (tap.after === undefined ? [] : [tap.after(layers, xs, ys, place)])),
      ),
    reads: readsOfAll("sum", taps),
  }
}

/** A tap at some of its layers. */
export function tapAtLayers(tap: Tap, isWanted: (layer: NetworkLayer) => boolean): Tap {
  const { before, after } = tap
  /** The wanted layers' values by `change`, and the others as they are. */
  const apart = (
    layers: readonly NetworkLayer[],
    others: readonly Tensor[],
    change: (indices: readonly number[]) => readonly Tensor[],
  ): readonly Tensor[] => {
    const indices = layers.flatMap((layer, i) => (isWanted(layer) ? [i] : []))
    if (indices.length === 0) return others
    const changed = change(indices)
    return others.map((other, i) => changed[indices.indexOf(i)] ?? other)
  }
  const at = <T>(list: readonly T[], indices: readonly number[]): readonly T[] =>
    indices.flatMap((i) => list.slice(i, i + 1))
  return {
    ...tap,
    has: (layer) => isWanted(layer) && tap.has(layer),
    ...(before === undefined
      ? {}
      : {
          before: (layers, x, place) =>
            apart(
              layers,
              layers.map(() => x),
              (indices) => before.call(tap, at(layers, indices), x, place),
            ),
        }),
    ...(after === undefined
      ? {}
      : {
          after: (layers, xs, ys, place) =>
            apart(layers, ys, (indices) =>
              after.call(tap, at(layers, indices), at(xs, indices), at(ys, indices), place),
            ),
        }),
  }
}
