import { type Matrix, matrix } from "../src/network/matrix.ts"
import { createRandom } from "../src/network/sample-inputs.ts"
import type { SiteSamples } from "../src/network/samples.ts"
import type { Layer, PatchLayer, SiteNetwork } from "../src/network/site-network.ts"

/** Numbers from -spread to spread. */
export function numbers(count: number, seed: number, spread = 1): Float64Array {
  const random = createRandom(seed)
  return Float64Array.from({ length: count }, () => spread * (2 * random() - 1))
}

const layer = (out: number, inner: number, seed: number): Layer => ({
  weight: matrix(out, inner, numbers(out * inner, seed, 2 / Math.sqrt(inner))),
  bias: numbers(out, seed + 100, 0.3),
})

/** A network with a conditioner of two layers or of three, whose weights differ. */
export function smallNetwork({ condDim = 4, mlpDim = 5, inDim = 6, layers = 2 } = {}): SiteNetwork {
  const half = Math.floor(condDim / 2)
  const between = Array.from({ length: layers - 2 }, () => ({ ...layer(half, 4 * half, 6), places: 4 }))
  return {
    conditioner: [{ ...layer(half, 48, 1), places: 16 }, ...between, { ...layer(condDim, 4 * half, 2), places: 4 }],
    down: layer(mlpDim, inDim, 3),
    mid: layer(mlpDim, condDim + mlpDim, 4),
    up: layer(inDim, mlpDim, 5),
  }
}

/** Samples of a network, with two tokens for each patch. `x` is what the site reads, [tokens, inDim]. */
export function samplesOf(
  { down, conditioner }: SiteNetwork,
  seed = 7,
  patches = 40,
): SiteSamples & { readonly x: Matrix } {
  const x = matrix(2 * patches, down.weight.cols, numbers(2 * patches * down.weight.cols, seed, 1.5))
  const rows = patches * 4 ** (conditioner.length - 1)
  const pixels = matrix(rows, 48, numbers(rows * 48, seed + 1))
  const projected = matrix(
    x.rows,
    down.weight.rows,
    Float64Array.from({ length: x.rows * down.weight.rows }, (_, i) => {
      const [row, out] = [Math.floor(i / down.weight.rows), i % down.weight.rows]
      return product(down, rowOf(x, row))[out] ?? Number.NaN
    }),
  )
  return { x, pixels, projected }
}

export const rowOf = ({ data, cols }: Matrix, row: number): number[] => [...data.subarray(row * cols, (row + 1) * cols)]

/** weight x + bias, written out. */
export function product({ weight, bias }: Layer, x: readonly number[]): number[] {
  return Array.from(bias, (start, out) =>
    x.reduce((sum, value, i) => sum + value * (weight.data[out * weight.cols + i] ?? Number.NaN), start),
  )
}

/** A network's work on one token, written out. */
export function workOf(network: SiteNetwork, pixels: Matrix, patch: number, x: readonly number[]) {
  const relu = (values: readonly number[]): number[] => values.map((value) => Math.max(0, value))
  const { conditioner } = network
  /** The output of a layer at the `at`-th of its places. The places of a layer's patch are adjacent. */
  const output = (level: number, at: number): number[] => {
    const layer = conditioner[level] as PatchLayer
    const read =
      level === 0
        ? rowOf(pixels, at)
        : Array.from({ length: layer.places }, (_, i) => output(level - 1, at * layer.places + i)).flat()
    const made = product(layer, read)
    return level === conditioner.length - 1 ? made : relu(made)
  }
  const embedding = output(conditioner.length - 1, patch)
  const before = product(network.mid, [...embedding, ...relu(product(network.down, x))])
  const hidden = relu(before)
  return { embedding, before, hidden, delta: product(network.up, hidden) }
}

/** The work on each token. Patches repeat. */
export function worksOf(network: SiteNetwork, { x, pixels }: Pick<SiteSamples, "pixels"> & { readonly x: Matrix }) {
  const patches = pixels.rows / 4 ** (network.conditioner.length - 1)
  return Array.from({ length: x.rows }, (_, token) => workOf(network, pixels, token % patches, rowOf(x, token)))
}

/** Lists of numbers as a matrix. */
export function matrixOf(rows: readonly (readonly number[])[]): Matrix {
  return matrix(rows.length, rows[0]?.length ?? 0, Float64Array.from(rows.flat()))
}
