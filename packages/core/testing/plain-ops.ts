import type { Padding } from "../src/ops/ops.ts"

/** The verbs of `Ops` in float64 and plain loops, directly by their formulas. The contract compares with them. */
export type Values = Float64Array

/** x: [rows, inner], weight: [out, inner] → [rows, out] */
export function linear(x: Values, weight: Values, bias: Values | null, inner: number): Values {
  const out = weight.length / inner
  const rows = x.length / inner
  const y = new Float64Array(rows * out)
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < out; o++) {
      let sum = bias === null ? 0 : at(bias, o)
      for (let i = 0; i < inner; i++) sum += at(x, row * inner + i) * at(weight, o * inner + i)
      y[row * out + o] = sum
    }
  }
  return y
}

export interface ConvSizes {
  readonly n: number
  readonly h: number
  readonly w: number
  readonly inner: number
  readonly out: number
  readonly kernelHeight: number
  readonly kernelWidth: number
  readonly stride: number
  readonly padding: Padding
}

/** x: [n, h, w, inner], weight: [out, inner, kh, kw] → [n, h', w', out] */
export function conv2d(x: Values, weight: Values, bias: Values | null, sizes: ConvSizes): Values {
  const { n, h, w, inner, out, kernelHeight, kernelWidth, stride, padding } = sizes
  const [top, bottom, left, right] = padding
  const height = Math.floor((h + top + bottom - kernelHeight) / stride) + 1
  const width = Math.floor((w + left + right - kernelWidth) / stride) + 1
  const y = new Float64Array(n * height * width * out)
  const pixel = (sample: number, row: number, column: number, i: number): number =>
    row < 0 || row >= h || column < 0 || column >= w ? 0 : at(x, ((sample * h + row) * w + column) * inner + i)
  for (let index = 0; index < y.length; index++) {
    const o = index % out
    const column = Math.floor(index / out) % width
    const row = Math.floor(index / (out * width)) % height
    const sample = Math.floor(index / (out * width * height))
    let sum = bias === null ? 0 : at(bias, o)
    for (let i = 0; i < inner; i++) {
      for (let dy = 0; dy < kernelHeight; dy++) {
        for (let dx = 0; dx < kernelWidth; dx++) {
          const factor = at(weight, ((o * inner + i) * kernelHeight + dy) * kernelWidth + dx)
          sum += factor * pixel(sample, row * stride - top + dy, column * stride - left + dx, i)
        }
      }
    }
    y[index] = sum
  }
  return y
}

export interface GroupNormSizes {
  readonly n: number
  readonly pixels: number
  readonly channels: number
  readonly groups: number
  readonly epsilon: number
  readonly silu: boolean
}

/** x: [n, pixels, channels] → same */
export function groupNorm(x: Values, scale: Values, shift: Values, sizes: GroupNormSizes): Values {
  const { n, pixels, channels, groups, epsilon, silu: follow } = sizes
  const perGroup = channels / groups
  const y = new Float64Array(x.length)
  for (let sample = 0; sample < n; sample++) {
    for (let group = 0; group < groups; group++) {
      const members: number[] = []
      for (let pixel = 0; pixel < pixels; pixel++) {
        for (let c = 0; c < perGroup; c++) members.push((sample * pixels + pixel) * channels + group * perGroup + c)
      }
      const { mean, inverse } = moments(
        members.map((index) => at(x, index)),
        epsilon,
      )
      for (const index of members) {
        const c = index % channels
        const z = (at(x, index) - mean) * inverse * at(scale, c) + at(shift, c)
        y[index] = follow ? silu(z) : z
      }
    }
  }
  return y
}

/** x: [rows, channels] → same */
export function layerNorm(x: Values, scale: Values, shift: Values, epsilon: number): Values {
  const width = scale.length
  const y = new Float64Array(x.length)
  for (let first = 0; first < x.length; first += width) {
    const { mean, inverse } = moments([...x.subarray(first, first + width)], epsilon)
    for (let c = 0; c < width; c++) y[first + c] = (at(x, first + c) - mean) * inverse * at(scale, c) + at(shift, c)
  }
  return y
}

export interface AttentionSizes {
  readonly n: number
  readonly tokens: number
  readonly keys: number
  readonly heads: number
  readonly dim: number
  readonly causal: boolean
}

/** q: [n, tokens, heads·dim], k and v: [n, keys, heads·dim] → [n, tokens, heads·dim] */
export function attention(q: Values, k: Values, v: Values, sizes: AttentionSizes): Values {
  const { n, tokens, keys, heads, dim, causal } = sizes
  const width = heads * dim
  const y = new Float64Array(q.length)
  for (let sample = 0; sample < n; sample++) {
    for (let head = 0; head < heads; head++) {
      for (let t = 0; t < tokens; t++) {
        const query = (sample * tokens + t) * width + head * dim
        const seen = causal ? Math.min(t + 1, keys) : keys
        const scores = Array.from({ length: seen }, (_, s) => {
          const key = (sample * keys + s) * width + head * dim
          let sum = 0
          for (let c = 0; c < dim; c++) sum += at(q, query + c) * at(k, key + c)
          return sum / Math.sqrt(dim)
        })
        const top = Math.max(...scores)
        const weights = scores.map((score) => Math.exp(score - top))
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        weights.forEach((weight, s) => {
          const value = (sample * keys + s) * width + head * dim
          for (let c = 0; c < dim; c++) y[query + c] = at(y, query + c) + (weight / total) * at(v, value + c)
        })
      }
    }
  }
  return y
}

export interface AdapterValues {
  /** [mlpDim, mlpDim], inputs first */
  readonly midDown: Values
  /** [count · tokens, mlpDim] */
  readonly share: Values
  /** [mlpDim, channels] */
  readonly up: Values
  readonly upBias: Values
}

/**
 * x: [rows, channels], down: [channels, Σ mlpDim] → [adapters, rows, channels]; a row reads the share with its index
 * modulo their number.
 */
export function adapt(
  x: Values,
  down: Values,
  downBias: Values,
  adapters: readonly AdapterValues[],
  strengths: readonly (readonly number[])[],
): Values {
  const joined = downBias.length
  const channels = down.length / joined
  const rows = x.length / channels
  const y = new Float64Array(adapters.length * x.length)
  let from = 0
  for (const [a, { midDown, share, up, upBias }] of adapters.entries()) {
    const width = Math.sqrt(midDown.length)
    const own = strengths[a] ?? []
    for (let row = 0; row < rows; row++) {
      const strength = own[Math.floor((row * own.length) / rows)] ?? 1
      const first = Array.from({ length: width }, (_, j) => {
        let sum = at(downBias, from + j)
        for (let c = 0; c < channels; c++) sum += at(x, row * channels + c) * at(down, c * joined + from + j)
        return Math.max(sum, 0)
      })
      const shared = (row * width) % share.length
      const second = first.map((_, j) => {
        const sum = first.reduce((sum, value, i) => sum + value * at(midDown, i * width + j), at(share, shared + j))
        return Math.max(sum, 0)
      })
      for (let c = 0; c < channels; c++) {
        const delta = second.reduce((sum, value, j) => sum + value * at(up, j * channels + c), at(upBias, c))
        y[(a * rows + row) * channels + c] = at(x, row * channels + c) + strength * delta
      }
    }
    from += width
  }
  return y
}

/** h: [rows, 2·width] → [rows, width] */
export function geglu(h: Values, width: number): Values {
  const rows = h.length / (2 * width)
  return Float64Array.from({ length: rows * width }, (_, index) => {
    const first = Math.floor(index / width) * 2 * width + (index % width)
    return at(h, first) * gelu(at(h, first + width))
  })
}

/** x: [n, h, w, c] → [n, 2h, 2w, c] */
export function upsample2x(x: Values, [n, h, w, c]: readonly [number, number, number, number]): Values {
  return Float64Array.from({ length: n * h * w * c * 4 }, (_, index) => {
    const channel = index % c
    const column = Math.floor(index / c) % (2 * w)
    const row = Math.floor(index / (c * 2 * w)) % (2 * h)
    const sample = Math.floor(index / (c * 4 * w * h))
    return at(x, ((sample * h + (row >> 1)) * w + (column >> 1)) * c + channel)
  })
}

export function silu(x: number): number {
  return x / (1 + Math.exp(-x))
}

export function quickGelu(x: number): number {
  return x / (1 + Math.exp(-1.702 * x))
}

export function gelu(x: number): number {
  return 0.5 * x * erfc(-x * Math.SQRT1_2)
}

/**
 * 1 − erf(x): the Taylor series near 0, and Laplace's continued fraction beyond. Both are exact to float64's last
 * digits.
 */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x)
  if (x < 2.5) {
    let term = x
    let sum = 0
    for (let i = 0; Math.abs(term) > 1e-20; i++) {
      sum += term / (2 * i + 1)
      term *= -(x * x) / (i + 1)
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum
  }
  let fraction = x
  for (let i = 100; i > 0; i--) fraction = x + i / 2 / fraction
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction
}

function moments(values: readonly number[], epsilon: number): { mean: number; inverse: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return { mean, inverse: 1 / Math.sqrt(variance + epsilon) }
}

function at(values: Values, index: number): number {
  return values[index] as number
}
