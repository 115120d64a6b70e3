import type { Ops } from "@lllite/core/ops"
import * as tf from "@tensorflow/tfjs-core"
import { apartFrom, at, quarters, sum } from "../product/check-values.ts"

/** The greatest difference, in parts of the greatest value. Probabilities are rounded to float16. */
const TOLERANCE = 2e-3

/** Queries, keys and heads: tails on both sides, one of each, and keys that grow, so that sums are scaled anew. */
const SHAPES = [
  { tokens: 70, keys: 77, heads: 2, growth: 0 },
  { tokens: 1, keys: 1, heads: 1, growth: 0 },
  { tokens: 33, keys: 150, heads: 1, growth: 0.02 },
] as const

/** SDXL's heads. */
const DIM = 64

/**
 * Compares attention with float64, on the device in use.
 *
 * @returns null if it is right, or else what is wrong
 */
export async function checkAttention(ops: Ops): Promise<string | null> {
  for (const { tokens, keys, heads, growth } of SHAPES) {
    const width = heads * DIM
    const [q, v] = [quarters("queries", tokens * width), quarters("values", keys * width)]
    // Quarters again. Later keys are larger.
    const k = quarters("keys", keys * width).map(
      (value, i) => Math.round(4 * value * (1 + growth * Math.floor(i / width))) / 4,
    )
    const expected = attended(q, k, v, { tokens, keys, heads })
    const y = tf.tidy(() => {
      const tensor = (values: Float32Array, rows: number): tf.Tensor3D => tf.tensor3d(values, [1, rows, width])
      return ops.attention(tensor(q, tokens), tensor(k, keys), tensor(v, keys), { heads, causal: false })
    })
    const apart = apartFrom(await y.data<"float32">(), (i) => at(expected, i))
    y.dispose()
    if (!(apart <= TOLERANCE)) {
      return `attention of ${tokens} queries and ${keys} keys on subgroup matrices is ${apart.toExponential(1)} apart from float64`
    }
  }
  return null
}

interface Sizes {
  readonly tokens: number
  readonly keys: number
  readonly heads: number
}

/** softmax(q kᵀ / √d) v by heads, in float64. */
function attended(q: Float32Array, k: Float32Array, v: Float32Array, { tokens, keys, heads }: Sizes): Float32Array {
  const width = heads * DIM
  const y = new Float32Array(tokens * width)
  for (let head = 0; head < heads; head++) {
    for (let row = 0; row < tokens; row++) {
      const place = (of: number, column: number): number => of * width + head * DIM + column
      const scores = Array.from(
        { length: keys },
        (_, key) => sum(DIM, (c) => at(q, place(row, c)) * at(k, place(key, c))) / Math.sqrt(DIM),
      )
      const greatest = Math.max(...scores)
      const chances = scores.map((score) => Math.exp(score - greatest))
      const total = chances.reduce((all, chance) => all + chance, 0)
      for (let c = 0; c < DIM; c++) {
        y[place(row, c)] = sum(keys, (key) => ((chances[key] ?? 0) / total) * at(v, place(key, c)))
      }
    }
  }
  return y
}
