import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { adapt } from "../../src/ops/adapt.ts"
import { adapterLayout, adaptGroup } from "../../src/ops/adapt-group.ts"
import type { AdapterStrengths, AdapterTail, DenseParams } from "../../src/ops/ops.ts"
import * as plain from "../plain-ops.ts"
import { input, type OpsCase, TOLERANCE } from "./case.ts"

/** LLLite's adapters, one by one and in groups. */
export function adapterCases(): OpsCase[] {
  return [
    adaptCase("queries, keys and values", [2, 9, 12], 2, [8, 8, 8], 1),
    adaptCase("odd widths, samples in turn", [4, 9, 13], 2, [7, 1, 5], 0.5),
    adaptCase("one adapter, one control for all", [3, 7, 12], 1, [33], -0.75),
    adaptCase("one token", [1, 1, 6], 1, [1], 1),
    adaptGroupCase("queries, keys and values", [2, 9, 12], [3, 2, 8], 0.5),
    adaptGroupCase("odd widths, samples in turn", [4, 19, 13], [2, 2, 7], [0, 0.5, 0.5, -1]),
    adaptGroupCase("one adapter, one control for all", [3, 7, 12], [1, 1, 33], [1, 1, -0.75]),
    adaptGroupCase("more rows than a tile, many channels", [1, 70, 140], [3, 1, 16], 1),
    adaptCase(
      "a strength for every adapter and sample",
      [4, 9, 12],
      2,
      [8, 5],
      [
        [0, 0, 1, 1],
        [0.5, -1, 0.25, 0.25],
      ],
    ),
  ]
}

/** LLLite's adapters before one x, with their results one after another. */
function adaptCase(
  title: string,
  shape: readonly [number, number, number],
  count: number,
  widths: readonly number[],
  strength: number | AdapterStrengths,
): OpsCase {
  const [n, tokens, channels] = shape
  const strengths = typeof strength === "number" ? widths.map(() => Array<number>(n).fill(strength)) : strength
  const joined = widths.reduce((sum, width) => sum + width, 0)
  const inputs = [
    input("x", shape),
    input("down", [channels, joined], 1 / Math.sqrt(channels)),
    input("down bias", [joined], 0.5),
    ...widths.flatMap((width, i) => [
      input(`midDown ${i}`, [width, width], 1 / Math.sqrt(width)),
      input(`share ${i}`, [count, tokens, width]),
      input(`up ${i}`, [width, channels], 1 / Math.sqrt(width)),
      input(`up bias ${i}`, [channels]),
    ]),
  ]
  /** The first three inputs, then four inputs of every adapter. */
  const parted = <T>(tensors: readonly T[]): readonly (readonly T[])[] => [
    tensors.slice(0, 3),
    ...widths.map((_, i) => tensors.slice(3 + 4 * i, 7 + 4 * i)),
  ]
  return {
    ...{ name: `adapt: ${title}`, inputs, tolerance: TOLERANCE },
    async prepare(ops) {
      const run = (...tensors: Tensor[]): Tensor => {
        const [[x, weight, bias] = [], ...rest] = parted(tensors)
        const tails = rest.map(([midDown, share, weight, bias]) => ({ midDown, share, up: { weight, bias } }))
        const down = { weight, bias } as DenseParams
        return tf.stack([...adapt(ops, x as Tensor3D, down, tails as unknown as AdapterTail[], strengths)])
      }
      return { run, dispose: () => {} }
    },
    expected: (...tensors) => {
      const [[x, down, bias] = [], ...rest] = parted(tensors)
      const tails = rest.map(([midDown, share, up, upBias]) => ({ midDown, share, up, upBias }) as plain.AdapterValues)
      return plain.adapt(x as plain.Values, down as plain.Values, bias as plain.Values, tails, strengths)
    },
  }
}

/** LLLite's adapters whose values are one tensor, with their results one after another. */
function adaptGroupCase(
  title: string,
  shape: readonly [number, number, number],
  group: readonly [adapters: number, count: number, width: number],
  strength: number | readonly number[],
): OpsCase {
  const [n, tokens, channels] = shape
  const [adapters, count, width] = group
  const strengths = typeof strength === "number" ? Array<number>(n).fill(strength) : strength
  const { downBias, midDown, up, upBias, size } = adapterLayout(channels, width)
  return {
    ...{ name: `adaptGroup: ${title}`, tolerance: TOLERANCE },
    inputs: [
      input("x", shape),
      input("values", [adapters, size], 0.3),
      input("share", [adapters, count, tokens, width]),
    ],
    async prepare(ops) {
      const run = (...[x, values, share]: Tensor[]): Tensor =>
        tf.stack([
          ...adaptGroup(ops, x as Tensor3D, { values: values as Tensor2D, share: share as Tensor4D }, strengths),
        ])
      return { run, dispose: () => {} }
    },
    expected: (...inputs) => {
      const [x, values, share] = inputs as [plain.Values, plain.Values, plain.Values]
      return Float64Array.from(
        Array.from({ length: adapters }, (_, i) => {
          const own = values.slice(i * size, (i + 1) * size)
          const tail = {
            ...{ midDown: own.slice(midDown, up), up: own.slice(up, upBias), upBias: own.slice(upBias) },
            share: share.slice(i * count * tokens * width, (i + 1) * count * tokens * width),
          }
          return [...plain.adapt(x, own.slice(0, downBias), own.slice(downBias, midDown), [tail], [strengths])]
        }).flat(),
      )
    },
  }
}
