// Expected values in float64, at sampled places.

/** Sum of a[i] · b[j] over `length` elements that lie `stepA` and `stepB` apart. */
export function dot(a, atA, stepA, b, atB, stepB, length) {
  let sum = 0
  for (let i = 0, p = atA, q = atB; i < length; i++, p += stepA, q += stepB) sum += a[p] * b[q]
  return sum
}

/** Steps between the weights of a 3×3 convolution's outputs, taps and inputs, as in a file. */
export const asInFile = (inner) => ({ o: 9 * inner, tap: 1, c: 9 })

/** One value of a 3×3 convolution with padding 1. x: [1, side, side, inner], w: out × 9 × inner by `steps` */
export function convolved(x, w, { side, inner, stride, steps }, row, column, o) {
  let sum = 0
  for (let tap = 0; tap < 9; tap++) {
    const [v, u] = [row * stride - 1 + Math.floor(tap / 3), column * stride - 1 + (tap % 3)]
    if (v < 0 || v >= side || u < 0 || u >= side) continue
    sum += dot(x, (v * side + u) * inner, 1, w, o * steps.o + tap * steps.tap, steps.c, inner)
  }
  return sum
}

/** The gradient of a sum of y · dy at one value of x, where y is such a convolution. */
export function convolvedBack(dy, w, { side, out, stride, steps }, row, column, c) {
  const outSide = Math.floor((side - 1) / stride) + 1
  let sum = 0
  for (let tap = 0; tap < 9; tap++) {
    const [v, u] = [row + 1 - Math.floor(tap / 3), column + 1 - (tap % 3)]
    if (v % stride !== 0 || u % stride !== 0) continue
    const [y, x] = [v / stride, u / stride]
    if (y < 0 || y >= outSide || x < 0 || x >= outSide) continue
    sum += dot(dy, (y * outSide + x) * out, 1, w, tap * steps.tap + c * steps.c, steps.o, out)
  }
  return sum
}

/** softmax(q kᵀ / √dim) of one row of q by one head. q: [tokens, heads · dim], k: [keys, heads · dim] → [keys] */
export function chances(q, k, { keys, heads, dim }, token, head) {
  const width = heads * dim
  const scores = Float64Array.from(
    { length: keys },
    (_, j) => dot(q, token * width + head * dim, 1, k, j * width + head * dim, 1, dim) / Math.sqrt(dim),
  )
  const top = scores.reduce((greatest, score) => Math.max(greatest, score), Number.NEGATIVE_INFINITY)
  let total = 0
  for (let j = 0; j < keys; j++) total += scores[j] = Math.exp(scores[j] - top)
  return scores.map((score) => score / total)
}

/** One row of attention by one head. → [dim] */
export function attended(q, k, v, sizes, token, head) {
  const { heads, dim } = sizes
  return mixed(chances(q, k, sizes, token, head), v, heads * dim, head * dim, dim)
}

/** Rows of a matrix, from a column on, added up with a weight each. → [count] */
export function mixed(weights, rows, width, from, count) {
  const sum = new Float64Array(count)
  for (let j = 0, at = from; j < weights.length; j++, at += width) {
    for (let c = 0; c < count; c++) sum[c] += weights[j] * rows[at + c]
  }
  return sum
}

/** Columns of the first and the last of some heads: in float64 all of them would take long. */
export function columnsOfHeads(heads, dim) {
  const columns = Array.from({ length: heads * dim }, (_, c) => c)
  return columns.filter((c) => c < dim || c >= (heads - 1) * dim)
}
