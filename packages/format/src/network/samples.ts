import { conditionerKernels } from "../lllite/tensors.ts"
import type { Matrix } from "./matrix.ts"
import { covariance, matrix, pickColumns, symmetricEigen, times, timesTransposed, transpose } from "./matrix.ts"
import { createRandom, samplePatches, sampleProjection } from "./sample-inputs.ts"
import type { Layer, SiteNetwork } from "./site-network.ts"
import { affine, beside, conditionerOutputs, relu } from "./site-network.ts"

/** Random inputs of one site, for the measurement of its layers. */
export interface SiteSamples {
  /** Patches of control pictures for the conditioner. */
  readonly pixels: Matrix
  /** `down`'s output before its ReLU, a row for each token: [tokens, mlpDim]. Tokens are a multiple of the patches. */
  readonly projected: Matrix
}

const PATCHES = 256
const TOKENS_PER_PATCH = 8

/** Draws samples for one site after the other. */
export type Sampler = (down: Layer, depth: 1 | 2 | 3) => SiteSamples

/** A sampler. The same seed gives the same samples, independent of earlier calls. Sites of one depth share pictures. */
export function createSampler(seed: number): Sampler {
  const pixelsByDepth = new Map<number, Matrix>()
  return (down, depth) => {
    const pixels = pixelsByDepth.get(depth) ?? samplePatches(conditionerKernels(depth), PATCHES, createRandom(2 * seed))
    pixelsByDepth.set(depth, pixels)
    const tokens = PATCHES * TOKENS_PER_PATCH
    return { pixels, projected: sampleProjection(down.weight, down.bias, tokens, createRandom(2 * seed + 1)) }
  }
}

/** An embedding for every token: [tokens, condDim]. */
function embeddings(network: SiteNetwork, samples: SiteSamples): Matrix {
  const outputs = conditionerOutputs(network.conditioner, samples.pixels)
  const embedding = outputs.at(-1) ?? samples.pixels
  const tokens = samples.projected.rows
  const { cols } = embedding
  return matrix(
    tokens,
    cols,
    Float64Array.from({ length: tokens * cols }, (_, i) => embedding.data[i % embedding.data.length] as number),
  )
}

/** The output of `mid` for every token, ReLU included: [tokens, mlpDim]. */
export function hiddenOutputs(network: SiteNetwork, samples: SiteSamples): Matrix {
  const d = relu(matrix(samples.projected.rows, samples.projected.cols, samples.projected.data.slice()))
  return relu(affine(network.mid, beside(embeddings(network, samples), d)))
}

/** Samples for two adapters of one site, with the same pictures and the same host inputs. */
export function samplePair(
  first: SiteNetwork,
  second: SiteNetwork,
  depth: 1 | 2 | 3,
  sample: Sampler,
): readonly [SiteSamples, SiteSamples] {
  const [a, b] = [first.down, second.down]
  const both: Layer = {
    weight: matrix(
      a.weight.rows + b.weight.rows,
      a.weight.cols,
      Float64Array.from([...a.weight.data, ...b.weight.data]),
    ),
    bias: Float64Array.from([...a.bias, ...b.bias]),
  }
  const { pixels, projected } = sample(both, depth)
  const split = (from: number, count: number): SiteSamples => ({
    pixels,
    projected: pickColumns(
      projected,
      Array.from({ length: count }, (_, i) => from + i),
    ),
  })
  return [split(0, a.weight.rows), split(a.weight.rows, b.weight.rows)]
}

/**
 * The distance of two adapters' deltas on samples, relative to the first: root of mean |b - a|² / mean |a|². Infinity
 * if only the first one's delta is zero.
 */
export function deltaDistance(
  first: SiteNetwork,
  ofFirst: SiteSamples,
  second: SiteNetwork,
  ofSecond: SiteSamples,
): number {
  const [a, b] = [withOne(hiddenOutputs(first, ofFirst)), withOne(hiddenOutputs(second, ofSecond))]
  // |U' m' - U m|² summed over channels needs only the products of the columns of [U', U], not the wide deltas.
  const up = transpose(beside(withBias(second.up), withBias(first.up)))
  const joined = beside(b, a)
  const difference = matrix(
    joined.rows,
    joined.cols,
    joined.data.map((value, i) => (i % joined.cols < b.cols ? value : -value)),
  )
  const distance = Math.max(0, meanForm(difference, timesTransposed(up, up)))
  const upOfFirst = transpose(withBias(first.up))
  const size = meanForm(a, timesTransposed(upOfFirst, upOfFirst))
  return distance === 0 ? 0 : Math.sqrt(distance / size)
}

/**
 * The smallest relative distance of a delta with `rank` directions from this adapter's delta on samples. It follows
 * from the remaining singular values (Eckart and Young).
 */
export function rankBound(network: SiteNetwork, samples: SiteSamples, rank: number): number {
  // There are no more directions than neurons.
  if (rank >= network.up.weight.cols) return 0
  const hidden = hiddenOutputs(network, samples)
  const up = transpose(withBias(network.up))
  const size = meanForm(withOne(hidden), timesTransposed(up, up))
  return size === 0 ? 0 : Math.sqrt(tail(network.up, hidden, rank) / size)
}

/** Sum of the eigenvalues of the delta's covariance after the first `rank`. */
function tail(up: Layer, hidden: Matrix, rank: number): number {
  // U C Uᵀ has the same eigenvalues as G½ C G½ with G = Uᵀ U, which is far smaller.
  const root = squareRoot(timesTransposed(transpose(up.weight), transpose(up.weight)))
  const { values } = symmetricEigen(times(times(root, covariance(hidden, hidden)), root))
  return values.slice(rank).reduce((sum, value) => sum + Math.max(0, value), 0)
}

function squareRoot(a: Matrix): Matrix {
  const { values, vectors } = symmetricEigen(a)
  const scaled = matrix(
    vectors.rows,
    vectors.cols,
    vectors.data.map((value, i) => value * Math.sqrt(Math.max(0, values[i % vectors.cols] as number))),
  )
  return timesTransposed(scaled, vectors)
}

/** A column of ones after the others, which a bias as the weight's last column multiplies. */
function withOne(a: Matrix): Matrix {
  return beside(a, matrix(a.rows, 1, new Float64Array(a.rows).fill(1)))
}

function withBias({ weight, bias }: Layer): Matrix {
  return beside(weight, matrix(weight.rows, 1, bias))
}

/** Mean over rows x of x form xᵀ. */
function meanForm(rows: Matrix, form: Matrix): number {
  const products = times(rows, form)
  let sum = 0
  for (let i = 0; i < rows.data.length; i++) sum += (rows.data[i] as number) * (products.data[i] as number)
  return sum / rows.rows
}
