// Norms, GEGLU and the gradient of attention in float64.
import { chances, dot, mixed } from "../measure/float64.mjs"

/**
 * A norm over a set of places, with SiLU after it or not, and the gradient of the sum of y · dy at them.
 *
 * @param places in x and dy; the channel is what remains by the number of scales
 */
export function normalised(x, dy, places, { scale, shift, epsilon, silu }) {
  const count = places.length
  const mean = places.reduce((sum, at) => sum + x[at], 0) / count
  const variance = places.reduce((sum, at) => sum + (x[at] - mean) ** 2, 0) / count
  const inverse = 1 / Math.sqrt(variance + epsilon)
  const [y, hat, slopes] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)]
  let [sum, crossed] = [0, 0]
  places.forEach((at, i) => {
    const c = at % scale.length
    hat[i] = (x[at] - mean) * inverse
    const z = hat[i] * scale[c] + shift[c]
    const gate = 1 / (1 + Math.exp(-z))
    y[i] = silu ? z * gate : z
    slopes[i] = dy[at] * scale[c] * (silu ? gate * (1 + z * (1 - gate)) : 1)
    sum += slopes[i]
    crossed += slopes[i] * hat[i]
  })
  return { y, dx: slopes.map((slope, i) => inverse * (slope - sum / count - (hat[i] * crossed) / count)) }
}

/** First half times GELU of the second. h: [rows, 2 · width] */
export function gegluAt(h, width, row, c) {
  const at = row * 2 * width + c
  return h[at] * h[at + width] * normalBelow(h[at + width])
}

/** The gradient of the sum of y · dy at column c of h. */
export function gegluBackAt(h, dy, width, row, c) {
  const [value, gate] = [h[row * 2 * width + (c % width)], h[row * 2 * width + (c % width) + width]]
  const slope = dy[row * width + (c % width)]
  if (c < width) return slope * gate * normalBelow(gate)
  return slope * value * (normalBelow(gate) + (gate * Math.exp(-(gate ** 2) / 2)) / Math.sqrt(2 * Math.PI))
}

/** Share of a normal distribution below x: a series whose terms all have one sign. */
function normalBelow(x) {
  let [term, sum] = [x, x]
  for (let n = 3; Math.abs(term) > 1e-18 * Math.abs(sum); n += 2) {
    term *= (x * x) / n
    sum += term
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)
}

/**
 * The gradient of a sum of y · dy of attention by one head, where dy is zero but at some queries: `dq` of such a query,
 * `dk` and `dv` of any key, [dim] each.
 */
export function attendedBack(q, k, v, dy, sizes, queries, head) {
  const { keys, heads, dim } = sizes
  const [width, root, from] = [heads * dim, Math.sqrt(dim), head * dim]
  const rows = new Map(
    queries.map((token) => {
      const weights = chances(q, k, sizes, token, head)
      const slopes = weights.map((_, j) => dot(dy, token * width + from, 1, v, j * width + from, 1, dim))
      const mean = dot(weights, 0, 1, slopes, 0, 1, keys)
      return [token, { weights, scores: weights.map((weight, j) => (weight * (slopes[j] - mean)) / root) }]
    }),
  )
  const channels = Array.from({ length: dim }, (_, c) => c)
  const overQueries = (name, of) => (key) =>
    channels.map((c) => queries.reduce((sum, i) => sum + rows.get(i)[name][key] * of[i * width + from + c], 0))
  return {
    dq: (token) => mixed(rows.get(token).scores, k, width, from, dim),
    dk: overQueries("scores", q),
    dv: overQueries("weights", dy),
  }
}
