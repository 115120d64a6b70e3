import type { Ops, WeightEntry } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"
import * as tf from "@tensorflow/tfjs-core"
import { apart } from "./apart.ts"

/** The greatest errors of a verb at sizes that no tile divides, in parts of the greatest value. */
export interface TailError {
  readonly tail: string
  readonly value: number
  /** Of the slopes at all inputs. */
  readonly slopes: number
}

interface Run {
  readonly run: (...inputs: tf.Tensor[]) => tf.Tensor
  dispose(): void
}

interface Tail {
  readonly tail: string
  readonly shapes: readonly (readonly number[])[]
  /** Loads what the verb needs. */
  prepare(ops: Ops): Promise<Run>
}

/** Rows for which a dimension has not enough workgroups. */
const ROWS = 70_000

function normal(name: string, shape: readonly number[]): Float32Array {
  return createStream(1, name).normal(tf.util.sizeFromShape([...shape]))
}

function entry(name: string, shape: readonly number[]): WeightEntry {
  const values = normal(name, shape)
  return { name, dtype: "F32", shape, read: async () => new Uint8Array(values.buffer.slice(0)) }
}

function linear(rows: number, inner: number, out: number): Tail {
  return {
    ...{ tail: `a linear layer, ${rows}×${inner} → ${out}`, shapes: [[rows, inner]] },
    async prepare(ops) {
      const weight = await ops.load.linear(entry("weight", [out, inner]), entry("bias", [out]))
      return { run: (x) => ops.linear(x as tf.Tensor, weight), dispose: () => weight.dispose() }
    },
  }
}

function convolution(stride: 1 | 2): Tail {
  return {
    ...{ tail: `a convolution of 17×23×8 → 12, stride ${stride}`, shapes: [[1, 17, 23, 8]] },
    async prepare(ops) {
      const filter = await ops.load.conv2d(entry("filter", [12, 8, 3, 3]), entry("bias", [12]))
      const run = (x: tf.Tensor): tf.Tensor => ops.conv2d(x as tf.Tensor4D, filter, { stride, padding: [1, 1, 1, 1] })
      return { run: (x) => run(x as tf.Tensor), dispose: () => filter.dispose() }
    },
  }
}

function attention(tokens: number, keys: number, heads: number): Tail {
  const width = 64 * heads
  return {
    tail: `attention, ${tokens} queries to ${keys} keys, ${heads} heads of 64`,
    shapes: [
      [1, tokens, width],
      [1, keys, width],
      [1, keys, width],
    ],
    prepare: async (ops) => ({
      run: (q, k, v) => ops.attention(q as tf.Tensor3D, k as tf.Tensor3D, v as tf.Tensor3D, { heads, causal: false }),
      dispose: () => {},
    }),
  }
}

function norm(tail: string, shape: readonly number[], run: (ops: Ops, x: tf.Tensor, weight: Norm) => tf.Tensor): Tail {
  const width = shape.at(-1) ?? 1
  return {
    ...{ tail, shapes: [shape] },
    async prepare(ops) {
      const weight = await ops.load.norm(entry("scale", [width]), entry("shift", [width]))
      return { run: (x) => run(ops, x as tf.Tensor, weight), dispose: () => weight.dispose() }
    },
  }
}

type Norm = Awaited<ReturnType<Ops["load"]["norm"]>>

const GROUPS = { groups: 2, epsilon: 1e-5, silu: true } as const

/** N = 70, M = 77, pictures of 17×23, one row, and 70,000 rows. */
const TAILS: readonly Tail[] = [
  linear(77, 72, 70),
  linear(1, 33, 71),
  linear(1, 64, 128),
  linear(ROWS, 4, 8),
  convolution(1),
  convolution(2),
  attention(17 * 23, 77, 2),
  attention(1, 70, 1),
  norm("a group norm of 17×23×12", [1, 17, 23, 12], (ops, x, weight) =>
    ops.groupNorm(x as tf.Tensor4D, weight, GROUPS),
  ),
  norm("a group norm of 70,000 pixels", [1, 700, 100, 4], (ops, x, weight) =>
    ops.groupNorm(x as tf.Tensor4D, weight, GROUPS),
  ),
  norm("a layer norm of 77 rows of 70", [77, 70], (ops, x, weight) => ops.layerNorm(x, weight, 1e-5)),
  {
    ...{ tail: "GEGLU of 70,000 rows", shapes: [[ROWS, 6]] },
    prepare: async (ops) => ({ run: (h) => ops.geglu(h as tf.Tensor), dispose: () => {} }),
  },
]

/**
 * Compares verbs and their slopes with others at the tails of tiles.
 *
 * @param exact ops in float32
 */
export async function tailErrors(exact: Ops, ops: Ops): Promise<readonly TailError[]> {
  const errors: TailError[] = []
  for (const tail of TAILS) {
    const [expected = [], got = []] = [await valuesOf(exact, tail), await valuesOf(ops, tail)]
    const [value = Number.NaN, ...slopes] = got.map((values, i) => apart(values, expected[i] ?? []))
    errors.push({ tail: tail.tail, value, slopes: Math.max(...slopes) })
  }
  return errors
}

/** The value and the slopes at all inputs. */
async function valuesOf(ops: Ops, { shapes, prepare }: Tail): Promise<readonly Float32Array[]> {
  const { run, dispose } = await prepare(ops)
  const results = tf.tidy(() => {
    const inputs = shapes.map((shape, i) => tf.tensor(normal(`input ${i}`, shape), [...shape]))
    const value = run(...inputs)
    return [value, ...tf.grads(run)(inputs, tf.tensor(normal("slope", value.shape), value.shape))]
  })
  const values = await Promise.all(results.map((tensor) => tensor.data<"float32">()))
  tf.dispose(results)
  dispose()
  return values
}

/** The worst of some errors, as text for a log. */
export function worstTails(errors: readonly TailError[]): string {
  const worst = (name: "value" | "slopes"): string => {
    const [first, ...others] = errors
    const most = others.reduce((one, other) => (other[name] > (one?.[name] ?? 0) ? other : one), first)
    return `${name} ${most?.[name].toExponential(1)} (${most?.tail})`
  }
  return `${errors.length} tails, worst ${worst("value")}, ${worst("slopes")}`
}
