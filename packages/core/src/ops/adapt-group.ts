import type { Tensor1D, Tensor2D, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../errors.ts"
import { checkRanges, type NumberRange } from "../number-range.ts"
import { adapt } from "./adapt.ts"
import { checkCall } from "./checked-verbs.ts"
import type { AdapterGroup, AdapterTail, DenseParams, Ops } from "./ops.ts"

/**
 * Where the values of an adapter stand in a row of `AdapterGroup.values`: the weight of `down` [C, M] and its bias [M],
 * `midDown` [M, M], the weight of `up` [M, C] and its bias [C].
 */
export interface AdapterLayout {
  /** Where the bias of `down` begins. Its weight is at the beginning. */
  readonly downBias: number
  readonly midDown: number
  readonly up: number
  readonly upBias: number
  /** The number of all values. */
  readonly size: number
}

const WHOLE: NumberRange = { integer: true, min: 1, max: 1_000_000 }

/** The layout of an adapter of width M before an x of C channels. */
export function adapterLayout(channels: number, width: number): AdapterLayout {
  checkRanges("adapter", { channels, width }, { channels: WHOLE, width: WHOLE })
  const downBias = channels * width
  const midDown = downBias + width
  const up = midDown + width * width
  const upBias = up + width * channels
  return { downBias, midDown, up, upBias, size: upBias + channels }
}

/**
 * Calls `Ops.adaptGroup`. An ops object without it gets the same result from {@link adapt}.
 * x: [N, T, C] → [N, T, C] for every adapter
 *
 * @param strengths one number for each of the N samples
 * @throws CoreError for values of another size, and as {@link adapt}
 */
export function adaptGroup(
  ops: Ops,
  x: Tensor3D,
  group: AdapterGroup,
  strengths: readonly number[],
): readonly Tensor3D[] {
  checkCall("adaptGroup", ops, x, group, strengths)
  const [n, tokens, channels] = x.shape
  const [adapters, count, shared, width] = group.share.shape
  const { size } = adapterLayout(channels, width)
  const [rows, came] = group.values.shape
  if (rows !== adapters || came !== size || shared !== tokens) {
    throw new CoreError(
      "shape",
      `LLLite: a group's values are [${rows}, ${came}] and its shares [${group.share.shape.join(", ")}], expected ` +
        `[${adapters}, ${size}] and [${adapters}, ${count}, ${tokens}, ${width}]`,
    )
  }
  if (ops.adaptGroup !== undefined && strengths.length === n && n % count === 0) {
    return ops.adaptGroup(x, group, strengths)
  }
  return tf.tidy((): Tensor3D[] => {
    const layers = Array.from({ length: adapters }, (_, i) => layersOf(group, channels, i))
    const down = {
      weight: tf.concat(
        layers.map(({ down }) => down.weight),
        1,
      ),
      bias: tf.concat(layers.map(({ down }) => down.bias)),
    }
    const tails = layers.map((layer, i) => ({ ...layer, share: shareOf(group, i) }))
    const strengthsOfAll = layers.map(() => strengths)
    return [...adapt(ops, x, down, tails, strengthsOfAll)]
  })
}

/** The layers of an adapter of a group. The scope around tracks the tensors. */
export function layersOf(
  { values, share }: AdapterGroup,
  channels: number,
  adapter: number,
): { readonly down: DenseParams } & Pick<AdapterTail, "midDown" | "up"> {
  const width = share.shape[3]
  const { downBias, midDown, up, upBias, size } = adapterLayout(channels, width)
  const flat = tf.reshape(values, [-1]) as Tensor1D
  // A bias is cut with one axis, because WASM's product takes no other.
  const vector = (from: number, length: number): Tensor1D => tf.slice(flat, [adapter * size + from], [length])
  const matrix = (from: number, rows: number, columns: number): Tensor2D =>
    tf.reshape(vector(from, rows * columns), [rows, columns])
  return {
    down: { weight: matrix(0, channels, width), bias: vector(downBias, width) },
    midDown: matrix(midDown, width, width),
    up: { weight: matrix(up, width, channels), bias: vector(upBias, channels) },
  }
}

/** An adapter's share of the control. The scope around tracks the tensors. → [count, T, M] */
export function shareOf({ share }: AdapterGroup, adapter: number): Tensor3D {
  const [, count, tokens, width] = share.shape
  return tf.reshape(tf.slice(share, [adapter, 0, 0, 0], [1, -1, -1, -1]), [count, tokens, width])
}
