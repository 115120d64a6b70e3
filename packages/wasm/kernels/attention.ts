import { exp } from "./math"
import { product, rowListSize, transpose } from "./product"
import { padded, sumOf } from "./vector"

/** Rows of queries whose scores are in memory at once. */
const BLOCK = 32
/** A score that must not count. It is far below every other score, and finite, since infinity can become NaN. */
const MASKED: f32 = -1e30
/**
 * A score this far below its row's largest gets the probability 0. It would be e^-32, below 2^-46, which no sum in
 * float32 notices. Smaller ones lead to subnormal numbers in gradients, and products with these take many times as long.
 */
const LEAST_SCORE: f32 = -32

/** Values that `attention` needs in its scratch memory: one head's keys by columns, and a block of scores. */
export function attentionScratch(keys: i32, dim: i32): i32 {
  return padded(keys) * (dim + BLOCK) + rowListSize(1)
}

/**
 * softmax(q kᵀ / √dim) v by heads.
 *
 * q, y: [n, tokens, heads·dim]. k, v: [n, keys, heads·dim]. stats: [n, heads, tokens, 2].
 *
 * `stats` gets the largest score of every row and 1 / (sum of its exponentials). The backward pass computes the
 * probabilities again from these two.
 */
export function attention(
  q: usize,
  k: usize,
  v: usize,
  y: usize,
  stats: usize,
  scratch: usize,
  n: i32,
  heads: i32,
  tokens: i32,
  keys: i32,
  dim: i32,
  causal: bool,
): void {
  const width = heads * dim
  const scoreRow = padded(keys)
  const keyColumns = scratch
  const scores = keyColumns + ((<usize>(scoreRow * dim)) << 2)
  const list = scores + ((<usize>(scoreRow * BLOCK)) << 2)
  const scale: f32 = 1 / sqrt<f32>(<f32>dim)
  for (let sample = 0; sample < n; sample++) {
    for (let head = 0; head < heads; head++) {
      const queryAt = ((<usize>(sample * tokens * width + head * dim)) << 2)
      const keyAt = ((<usize>(sample * keys * width + head * dim)) << 2)
      transpose(k + keyAt, width, keyColumns, scoreRow, keys, dim, scale)
      for (let start = 0; start < tokens; start += BLOCK) {
        const rows = min(BLOCK, tokens - start)
        const blockAt = queryAt + ((<usize>(start * width)) << 2)
        const statsAt = stats + ((<usize>((sample * heads + head) * tokens + start)) << 3)
        product(q + blockAt, width, 1, keyColumns, scoreRow, 0, scores, scoreRow, rows, scoreRow, dim, false, list)
        for (let row = 0; row < rows; row++) {
          const at = scores + ((<usize>(row * scoreRow)) << 2)
          mask(at, causal ? min(start + row + 1, keys) : keys, scoreRow)
          softmaxRow(at, scoreRow, statsAt + ((<usize>row) << 3))
        }
        product(scores, scoreRow, 1, v + keyAt, width, 0, y + blockAt, width, rows, dim, keys, false, list)
      }
    }
  }
}

/** Values that `attentionGradient` needs in its scratch memory. */
export function attentionGradientScratch(keys: i32, dim: i32): i32 {
  return padded(keys) * (2 * dim + 2 * BLOCK) + rowListSize(1)
}

/**
 * dq, dk, dv of `attention`. The probabilities are computed again from its stats. An address of 0 for dk skips both dk
 * and dv.
 */
export function attentionGradient(
  q: usize,
  k: usize,
  v: usize,
  stats: usize,
  dy: usize,
  dq: usize,
  dk: usize,
  dv: usize,
  scratch: usize,
  n: i32,
  heads: i32,
  tokens: i32,
  keys: i32,
  dim: i32,
  causal: bool,
): void {
  const width = heads * dim
  const scoreRow = padded(keys)
  const keyColumns = scratch
  const valueColumns = keyColumns + ((<usize>(scoreRow * dim)) << 2)
  const probabilities = valueColumns + ((<usize>(scoreRow * dim)) << 2)
  const slopes = probabilities + ((<usize>(scoreRow * BLOCK)) << 2)
  const list = slopes + ((<usize>(scoreRow * BLOCK)) << 2)
  const scale: f32 = 1 / sqrt<f32>(<f32>dim)
  for (let sample = 0; sample < n; sample++) {
    for (let head = 0; head < heads; head++) {
      const queryAt = ((<usize>(sample * tokens * width + head * dim)) << 2)
      const keyAt = ((<usize>(sample * keys * width + head * dim)) << 2)
      transpose(k + keyAt, width, keyColumns, scoreRow, keys, dim, scale)
      transpose(v + keyAt, width, valueColumns, scoreRow, keys, dim, 1)
      for (let start = 0; start < tokens; start += BLOCK) {
        const rows = min(BLOCK, tokens - start)
        const blockAt = queryAt + ((<usize>(start * width)) << 2)
        const statsAt = stats + ((<usize>((sample * heads + head) * tokens + start)) << 3)
        product(q + blockAt, width, 1, keyColumns, scoreRow, 0, probabilities, scoreRow, rows, scoreRow, dim, false, list)
        product(dy + blockAt, width, 1, valueColumns, scoreRow, 0, slopes, scoreRow, rows, scoreRow, dim, false, list)
        for (let row = 0; row < rows; row++) {
          const at = (<usize>(row * scoreRow)) << 2
          mask(probabilities + at, causal ? min(start + row + 1, keys) : keys, scoreRow)
          softmaxGradientRow(probabilities + at, slopes + at, scoreRow, statsAt + ((<usize>row) << 3), scale)
        }
        const later = start > 0
        product(slopes, scoreRow, 1, k + keyAt, width, 0, dq + blockAt, width, rows, dim, keys, false, list)
        if (dk == 0) continue
        product(slopes, 1, scoreRow, q + blockAt, width, 0, dk + keyAt, width, keys, dim, rows, later, list)
        product(probabilities, 1, scoreRow, dy + blockAt, width, 0, dv + keyAt, width, keys, dim, rows, later, list)
      }
    }
  }
}

/** Masks all scores of a row but the first `visible` ones. */
function mask(row: usize, visible: i32, length: i32): void {
  for (let i = visible; i < length; i++) store<f32>(row + ((<usize>i) << 2), MASKED)
}

/** The share of a score, from its distance to the largest score of its row. */
@inline
function weightOf(distance: v128): v128 {
  return v128.and(exp(distance), f32x4.ge(distance, f32x4.splat(LEAST_SCORE)))
}

/** Scores to probabilities in place. length: a multiple of four. */
function softmaxRow(row: usize, length: i32, stats: usize): void {
  const end = row + ((<usize>length) << 2)
  let greatest = v128.load(row)
  for (let at = row + 16; at < end; at += 16) greatest = f32x4.max(greatest, v128.load(at))
  const top = max(
    max(f32x4.extract_lane(greatest, 0), f32x4.extract_lane(greatest, 1)),
    max(f32x4.extract_lane(greatest, 2), f32x4.extract_lane(greatest, 3)),
  )
  let sum = f32x4.splat(0)
  for (let at = row; at < end; at += 16) {
    const weight = weightOf(f32x4.sub(v128.load(at), f32x4.splat(top)))
    v128.store(at, weight)
    sum = f32x4.add(sum, weight)
  }
  const inverse: f32 = 1 / sumOf(sum)
  for (let at = row; at < end; at += 16) v128.store(at, f32x4.mul(v128.load(at), f32x4.splat(inverse)))
  store<f32>(stats, top)
  store<f32>(stats, inverse, 4)
}

/** Scores to probabilities, and gradients at the probabilities to gradients at q kᵀ, both in place. */
function softmaxGradientRow(scores: usize, slopes: usize, length: i32, stats: usize, scale: f32): void {
  const bytes = (<usize>length) << 2
  const top = v128.load32_splat(stats)
  const inverse = v128.load32_splat(stats, 4)
  let along = f32x4.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) {
    const probability = f32x4.mul(weightOf(f32x4.sub(v128.load(scores + at), top)), inverse)
    v128.store(scores + at, probability)
    along = f32x4.add(along, f32x4.mul(probability, v128.load(slopes + at)))
  }
  const share = f32x4.splat(sumOf(along))
  for (let at: usize = 0; at < bytes; at += 16) {
    const rest = f32x4.sub(v128.load(slopes + at), share)
    v128.store(slopes + at, f32x4.mul(f32x4.mul(v128.load(scores + at), rest), f32x4.splat(scale)))
  }
}
