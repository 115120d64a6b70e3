import type { Ops } from "@lllite/core/ops"
import * as tf from "@tensorflow/tfjs-core"
import { apartFrom, at, quarters, sum } from "../product/check-values.ts"

/** The greatest difference, in parts of the greatest value. Probabilities are rounded to float16. */
const TOLERANCE = 2e-3

/** The same for slopes. They are rounded to float16, and so are the results that they read. */
const SLOPE_TOLERANCE = 4e-3

/** Queries, keys and heads: tails on both sides, one of each, and keys that grow, so that sums are scaled anew. */
const SHAPES = [
  { tokens: 70, keys: 77, heads: 2, growth: 0 },
  { tokens: 1, keys: 1, heads: 1, growth: 0 },
  { tokens: 33, keys: 150, heads: 1, growth: 0.02 },
] as const

/** SDXL's heads. */
const DIM = 64

/**
 * Compares attention and its slopes with float64, on the device in use. Inputs and slopes are stored in float16 where the
 * ops can.
 *
 * @returns null if it is right, or else what is wrong
 */
export async function checkAttention(ops: Ops): Promise<string | null> {
  for (const { tokens, keys, heads, growth } of SHAPES) {
    const width = heads * DIM
    const [q, v, dy] = [
      quarters("queries", tokens * width),
      quarters("values", keys * width),
      quarters("slopes", tokens * width),
    ]
    // Quarters again. Later keys are larger.
    const k = quarters("keys", keys * width).map(
      (value, i) => Math.round(4 * value * (1 + growth * Math.floor(i / width))) / 4,
    )
    const results = tf.tidy(() => {
      const tensor = (values: Float32Array): tf.Tensor3D => tf.tensor3d(values, [1, values.length / width, width])
      const half = <T extends tf.Tensor>(x: T): T => ops.narrow?.(x) ?? x
      const run = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor => {
        const [queries, keys, values] = [q, k, v].map(half) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D]
        const y = ops.attention(queries, keys, values, { heads, causal: false })
        return ops.widen?.(y) ?? y
      }
      const inputs = [q, k, v].map(tensor)
      return [run(...(inputs as [tf.Tensor, tf.Tensor, tf.Tensor])), ...tf.grads(run)(inputs, tensor(dy))]
    })
    const got = await Promise.all(results.map((result) => result.data<"float32">()))
    tf.dispose(results)
    const expected = attended(q, k, v, dy, { tokens, keys, heads })
    for (const [i, what] of [
      "",
      "the slopes at queries of ",
      "the slopes at keys of ",
      "the slopes at values of ",
    ].entries()) {
      const apart = apartFrom(got[i] as Float32Array, (at) => expected[i]?.[at] ?? Number.NaN)
      if (apart <= (i === 0 ? TOLERANCE : SLOPE_TOLERANCE)) continue
      return `${what}attention of ${tokens} queries and ${keys} keys on subgroup matrices is ${apart.toExponential(1)} apart from float64`
    }
  }
  return null
}

interface Sizes {
  readonly tokens: number
  readonly keys: number
  readonly heads: number
}

/** softmax(q kᵀ / √d) v by heads, and its slopes at q, k and v, in float64. */
function attended(
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  dy: Float32Array,
  { tokens, keys, heads }: Sizes,
): readonly Float64Array[] {
  const width = heads * DIM
  const [y, dq, dk, dv] = [tokens, tokens, keys, keys].map((rows) => new Float64Array(rows * width)) as [
    ...[Float64Array, Float64Array, Float64Array, Float64Array],
  ]
  const add = (to: Float64Array, place: number, value: number): void => {
    to[place] = (to[place] ?? 0) + value
  }
  for (let head = 0; head < heads; head++) {
    const place = (of: number, column: number): number => of * width + head * DIM + column
    const dot = (one: Float32Array, row: number, other: Float32Array, key: number): number =>
      sum(DIM, (c) => at(one, place(row, c)) * at(other, place(key, c)))
    for (let row = 0; row < tokens; row++) {
      const scores = Array.from({ length: keys }, (_, key) => dot(q, row, k, key) / Math.sqrt(DIM))
      const greatest = Math.max(...scores)
      const total = scores.reduce((all, score) => all + Math.exp(score - greatest), 0)
      const chances = scores.map((score) => Math.exp(score - greatest) / total)
      const slopes = chances.map((_, key) => dot(dy, row, v, key))
      const along = chances.reduce((all, chance, key) => all + chance * (slopes[key] ?? 0), 0)
      for (const [key, chance] of chances.entries()) {
        const slope = (chance * ((slopes[key] ?? 0) - along)) / Math.sqrt(DIM)
        for (let c = 0; c < DIM; c++) {
          add(y, place(row, c), chance * at(v, place(key, c)))
          add(dq, place(row, c), slope * at(k, place(key, c)))
          add(dk, place(key, c), slope * at(q, place(row, c)))
          add(dv, place(key, c), chance * at(dy, place(row, c)))
        }
      }
    }
  }
  return [y, dq, dk, dv]
}
