import type { NetworkLayer } from "@lllite/format"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { PassPosition, PassRow } from "../diffusion/pass-position.ts"

/** Rows and columns that a layer's tokens or pixels form. */
export interface Grid {
  readonly height: number
  readonly width: number
}

/** Where a pass stands, as far as it is known. */
export interface Pass {
  /** Null outside sampling, where every row may have a timestep of its own. */
  readonly position: PassPosition | null
  /** What each row of the batch is; null where that is not known. */
  readonly rows: readonly PassRow[] | null
}

/** A pass of which nothing is known. */
export const UNKNOWN_PASS: Pass = Object.freeze({ position: null, rows: null })

/** What a tap is told besides the tensors. */
export interface TapPlace extends Pass {
  /** How the tokens or pixels lie in the picture; null where they are text or an embedding. */
  readonly grid: Grid | null
}

/**
 * What stands before and after the layers of a network. It is asked once for all layers that read the same x (the
 * queries, keys and values of self-attention), so that what they share is computed once; other layers come alone.
 *
 * x: [N, T, C] of tokens, [N, H, W, C] of pixels, [N, C] of an embedding. A wide linear layer may be asked in parts of
 * its tokens, so what stands after a linear layer has to work token by token.
 */
export interface Tap {
  /** Whether it does anything at a layer. The answer never changes. */
  has(layer: NetworkLayer): boolean
  /** What each layer reads, of x's shape, in the layers' order. Default: x. */
  before?(layers: readonly NetworkLayer[], x: Tensor, place: TapPlace): readonly Tensor[]
  /** What each layer gives, of y's shape, from what it read and what it gave. Default: the ys. */
  after?(
    layers: readonly NetworkLayer[],
    xs: readonly Tensor[],
    ys: readonly Tensor[],
    place: TapPlace,
  ): readonly Tensor[]
}

/** Nothing before and nothing after any layer. */
export const NO_TAP: Tap = Object.freeze({ has: () => false })

/** What layers read that are offered the same x. */
export function tapBefore(tap: Tap, layers: readonly NetworkLayer[], x: Tensor, place: TapPlace): readonly Tensor[] {
  const xs = layers.some((layer) => tap.has(layer)) ? tap.before?.(layers, x, place) : undefined
  return xs ?? layers.map(() => x)
}

/** What layers give that read xs and made ys of them. */
export function tapAfter(
  tap: Tap,
  layers: readonly NetworkLayer[],
  xs: readonly Tensor[],
  ys: readonly Tensor[],
  place: TapPlace,
): readonly Tensor[] {
  return (layers.some((layer) => tap.has(layer)) ? tap.after?.(layers, xs, ys, place) : undefined) ?? ys
}

/**
 * Runs layers that are offered the same x, with the tap before and after them.
 *
 * @param run what the layer with this index gives for its input
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
 * Several taps one after another. Before a layer the last one sees x and the one before it sees what the last one made
 * of x, as the reference chains LLLites. After a layer the first one sees y.
 */
export function chainTaps(taps: readonly Tap[]): Tap {
  const [only] = taps
  if (only !== undefined && taps.length === 1) return only
  return {
    has: (layer) => taps.some((tap) => tap.has(layer)),
    before(layers, x, place) {
      const [first, ...more] = taps.filter(({ before }) => before !== undefined).reverse()
      const xs = first?.before?.(layers, x, place) ?? layers.map(() => x)
      // From here on every layer has an input of its own.
      return xs.map((own, i) =>
        more.reduce((h, tap) => {
          const [layer] = layers.slice(i, i + 1)
          return layer === undefined || !tap.has(layer) ? h : (tap.before?.([layer], h, place)[0] ?? h)
        }, own),
      )
    },
    after: (layers, xs, ys, place) => taps.reduce((all, tap) => tap.after?.(layers, xs, all, place) ?? all, ys),
  }
}

/** Several taps side by side: every one sees x and y, their deltas are summed. As sd-webui-controlnet does. */
export function sumTaps(taps: readonly Tap[]): Tap {
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
  }
}
