import type { Ops } from "@lllite/core/ops"
import { vjp } from "@lllite/core/ops"
import type { Tensor, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { InputError } from "../../errors.ts"

/** Scores in memory at once: 16 MiB of float32. Much of that fits into a core's cache. Larger chunks take longer. */
const MOST_SCORES = 2 ** 22

/**
 * Added to a score that must not count. It is far below every other score, and finite, since infinity can become NaN.
 */
const MASKED = -1e30

/**
 * softmax(q kᵀ / √d) v by heads, Vaswani et al. 2017. It computes one chunk of queries at a time. Scores of all queries
 * with all keys are never in memory at once. The backward pass computes the probabilities of each chunk again.
 */
export const attention: Ops["attention"] = (q, k, v, { heads, causal }) => attentionInChunks(q, k, v, heads, causal)

/** @param mostScores the largest number of scores in a chunk; a chunk holds at least one query */
export function attentionInChunks(
  q: Tensor3D,
  k: Tensor3D,
  v: Tensor3D,
  heads: number,
  causal: boolean,
  mostScores: number = MOST_SCORES,
): Tensor3D {
  const [n, tokens, width] = q.shape
  const [samples, keys] = k.shape
  const dim = width / heads
  const fits = k.shape[2] === width && samples === n && v.shape.every((size, axis) => size === k.shape[axis])
  if (!Number.isInteger(dim) || !fits) {
    throw new InputError(
      "shape",
      `attention: q [${q.shape.join(", ")}], k [${k.shape.join(", ")}], v [${v.shape.join(", ")}] with ${heads} heads; ` +
        "expected the same samples and width, a width that is a multiple of the heads, and as many keys as values.",
    )
  }
  const scale = 1 / Math.sqrt(dim)
  const split = (x: Tensor): Tensor4D =>
    tf.transpose(tf.reshape(x, [n, x.shape[1] as number, heads, dim]), [0, 2, 1, 3]) as Tensor4D
  const join = (x: Tensor): Tensor3D =>
    tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [n, x.shape[2] as number, width]) as Tensor3D
  const size = Math.max(1, Math.min(tokens, Math.floor(mostScores / (n * heads * keys))))
  const starts = Array.from({ length: Math.ceil(tokens / size) }, (_, i) => i * size)
  const chunk = (x: Tensor4D, from: number): Tensor4D =>
    size === tokens ? x : tf.slice(x, [0, 0, from, 0], [-1, -1, Math.min(size, tokens - from), -1])
  const probabilities = (queries: Tensor, ks: Tensor, from: number): Tensor => {
    const scores = tf.matMul(queries, ks, false, true)
    return tf.softmax(causal ? tf.add(scores, causalMask(from, queries.shape[2] as number, keys)) : scores)
  }

  return vjp([q, k, v], () => {
    const [qs, ks, vs] = [tf.mul(split(q), scale) as Tensor4D, split(k), split(v)]
    const parts = starts.map((from) => tf.tidy(() => tf.matMul(probabilities(chunk(qs, from), ks, from), vs)))
    return {
      value: join(concatenated(parts)),
      saved: [q, k, v] as const,
      gradients: (dy, [q, k, v]) => {
        const [qs, ks, vs, dOut] = [tf.mul(split(q), scale) as Tensor4D, split(k), split(v), split(dy)]
        let sums: readonly [Tensor, Tensor] | null = null
        const dqs: Tensor[] = []
        for (const from of starts) {
          const [dq, dk, dv] = tf.tidy(() => {
            const [queries, incoming] = [chunk(qs, from), chunk(dOut, from)]
            const p = probabilities(queries, ks, from)
            const dp = tf.matMul(incoming, vs, false, true)
            const along = tf.sum(tf.mul(dp, p), -1, true)
            const dScores = tf.mul(p, tf.sub(dp, along))
            return [
              tf.mul(tf.matMul(dScores, ks), scale),
              tf.matMul(dScores, queries, true, false),
              tf.matMul(p, incoming, true, false),
            ] as [Tensor, Tensor, Tensor]
          })
          dqs.push(dq)
          const before: readonly [Tensor, Tensor] | null = sums
          sums = before === null ? [dk, dv] : [tf.add(before[0], dk), tf.add(before[1], dv)]
          if (before !== null) tf.dispose([...before, dk, dv])
        }
        const [dk, dv] = sums ?? [tf.zerosLike(ks), tf.zerosLike(vs)]
        return [join(concatenated(dqs)), join(dk), join(dv)]
      },
    }
  })
}

function concatenated(parts: readonly Tensor[]): Tensor {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first
  const whole = tf.concat([...parts], 2)
  tf.dispose([...parts])
  return whole
}

/** [count, keys]: 0 for keys that the queries from `from` on may see, MASKED for the others. */
function causalMask(from: number, count: number, keys: number): Tensor {
  const mask = new Float32Array(count * keys)
  for (let t = 0; t < count; t++) {
    mask.fill(MASKED, Math.min((t + 1) * keys, t * keys + from + t + 1), (t + 1) * keys)
  }
  return tf.tensor2d(mask, [count, keys])
}
