/** Mean and variance of each channel of a random vector. Channels count as independent. */
export interface Moments {
  readonly mean: Float64Array
  readonly variance: Float64Array
}

/** A layer's parameters: weight [out, in, places…], row-major, and bias [out]. */
export interface LayerValues {
  readonly weight: Float32Array
  readonly bias: Float32Array
}

/** The same mean and variance for every channel. */
export function uniformMoments(channels: number, mean: number, variance: number): Moments {
  return { mean: new Float64Array(channels).fill(mean), variance: new Float64Array(channels).fill(variance) }
}

/** Joins two groups of channels. */
export function concatMoments(a: Moments, b: Moments): Moments {
  return { mean: joined(a.mean, b.mean), variance: joined(a.variance, b.variance) }
}

/**
 * Moments after a linear layer, or after a convolution whose patches do not overlap, over independent channels. The
 * mean is multiplied by the weights, and the variance by their squares. Every place of a patch has its channel's
 * moments.
 *
 * x: [in] → [out]
 */
export function affineMoments({ weight, bias }: LayerValues, x: Moments): Moments {
  const channels = x.mean.length
  const perOutput = weight.length / bias.length
  const places = perOutput / channels
  const mean = new Float64Array(bias.length)
  const variance = new Float64Array(bias.length)
  for (let out = 0; out < bias.length; out++) {
    let at = out * perOutput
    let m = bias[out] as number
    let v = 0
    for (let channel = 0; channel < channels; channel++) {
      let sum = 0
      let squares = 0
      for (let place = 0; place < places; place++) {
        const w = weight[at++] as number
        sum += w
        squares += w * w
      }
      m += sum * (x.mean[channel] as number)
      v += squares * (x.variance[channel] as number)
    }
    mean[out] = m
    variance[out] = v
  }
  return { mean, variance }
}

/**
 * Moments of max(0, x) for normal x of mean m and deviation s:
 *
 * ```
 * E  = m Φ(m/s) + s φ(m/s)
 * E² = (m² + s²) Φ(m/s) + m s φ(m/s)
 * ```
 * Source: the rectified Gaussian distribution, e.g. Socci, Lee and Seung, NIPS 1997.
 */
export function reluMoments(x: Moments): Moments {
  const mean = new Float64Array(x.mean.length)
  const variance = new Float64Array(x.mean.length)
  for (let i = 0; i < mean.length; i++) {
    const m = x.mean[i] as number
    const s = Math.sqrt(x.variance[i] as number)
    if (s === 0) {
      mean[i] = Math.max(0, m)
      continue
    }
    const z = m / s
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)
    const below = normalCdf(z)
    const first = m * below + s * density
    const second = (m * m + s * s) * below + m * s * density
    mean[i] = first
    variance[i] = Math.max(0, second - first * first)
  }
  return { mean, variance }
}

/** Root of the mean of squares over channels, of the whole and of the varying part. */
export function rootMeanSquare({ mean, variance }: Moments): { readonly whole: number; readonly varying: number } {
  let squares = 0
  let varying = 0
  for (let i = 0; i < mean.length; i++) {
    squares += (mean[i] as number) ** 2
    varying += variance[i] as number
  }
  return { whole: Math.sqrt((squares + varying) / mean.length), varying: Math.sqrt(varying / mean.length) }
}

/** The largest expected magnitude: the mean plus six deviations, of the channel with the most. */
export function largestExpected({ mean, variance }: Moments): number {
  let largest = 0
  for (let i = 0; i < mean.length; i++) {
    const reach = Math.abs(mean[i] as number) + 6 * Math.sqrt(variance[i] as number)
    if (!(reach <= largest)) largest = reach
  }
  return largest
}

/**
 * Share of a standard normal below z, within 1.5e-7.
 * Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
 */
function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2
  const t = 1 / (1 + 0.3275911 * x)
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
  const tail = (poly * Math.exp(-x * x)) / 2
  return z >= 0 ? 1 - tail : tail
}

function joined(a: Float64Array, b: Float64Array): Float64Array {
  const both = new Float64Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
