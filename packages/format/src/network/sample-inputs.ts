import type { Matrix } from "./matrix.ts"
import { cholesky, matrix, timesTransposed } from "./matrix.ts"

/**
 * Uniform numbers in [0, 1). The same seed gives the same numbers on every machine. Source: Steele and others,
 * SplitMix, 2014.
 */
export type Random = () => number

/** A random stream. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32
  }
}

/** Standard normal numbers. Source: Box and Muller, 1958. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/**
 * Rows of weight x + bias for x of independent standard normal numbers. The code does not make x, because the rows'
 * covariance is weight weightᵀ, which is small. An attention's projections read the output of a layer norm. Before the
 * norm's scale, that output has mean 0 and variance 1. So this is the distribution to assume without the base model.
 *
 * @returns [count, weight.rows]
 */
export function sampleProjection(weight: Matrix, bias: Float64Array, count: number, random: Random): Matrix {
  const { root } = cholesky(timesTransposed(weight, weight))
  const noise = matrix(
    count,
    weight.rows,
    Float64Array.from({ length: count * weight.rows }, () => normal(random)),
  )
  const z = timesTransposed(noise, root)
  for (let i = 0; i < z.data.length; i++) z.data[i] = (z.data[i] as number) + (bias[i % weight.rows] as number)
  return z
}

/**
 * Patches of control pictures. Four kinds alternate: flat grey, white lines on black (edges), a grey ramp (depth), and
 * a ramp in colour (tile). Values are in [-1, 1], as for the conditioner.
 *
 * @param kernels widths of the conditioner's kernels, first to last
 * @returns rows [count * patches of the first kernel, kernel² * 3], in the order in which the layers take them up
 */
export function samplePatches(kernels: readonly number[], count: number, random: Random): Matrix {
  const size = kernels.reduce((product, kernel) => product * kernel, 1)
  const order = pixelOrder(kernels)
  const rows = matrix((count * size * size) / (kernels[0] as number) ** 2, (kernels[0] as number) ** 2 * 3)
  for (let i = 0; i < count; i++) {
    const pixel = (PATCH_KINDS[i % PATCH_KINDS.length] as PatchKind)(size, random)
    for (const [at, [x, y]] of order.entries()) {
      for (let channel = 0; channel < 3; channel++) {
        rows.data[(i * order.length + at) * 3 + channel] = pixel(x, y, channel)
      }
    }
  }
  return rows
}

type PatchKind = (size: number, random: Random) => (x: number, y: number, channel: number) => number

const PATCH_KINDS: readonly PatchKind[] = [
  (_, random) => {
    const grey = 2 * random() - 1
    return () => grey
  },
  (size, random) => {
    const lines = Array.from({ length: 1 + Math.floor(3 * random()) }, () => {
      const angle = Math.PI * random()
      const [nx, ny] = [Math.cos(angle), Math.sin(angle)]
      return { nx, ny, offset: size * (nx * random() + ny * random()) }
    })
    return (x, y) => (lines.some(({ nx, ny, offset }) => Math.abs(nx * x + ny * y - offset) < 0.7) ? 1 : -1)
  },
  (size, random) => {
    const [from, dx, dy] = [2 * random() - 1, 2 * random() - 1, 2 * random() - 1]
    return (x, y) => clamp(from + (dx * x + dy * y) / size)
  },
  (size, random) => {
    const ramps = Array.from({ length: 3 }, () => [2 * random() - 1, 2 * random() - 1, 2 * random() - 1] as const)
    return (x, y, channel) => {
      const [from, dx, dy] = ramps[channel] ?? [0, 0, 0]
      return clamp(from + (dx * x + dy * y) / size)
    }
  },
]

function clamp(value: number): number {
  return Math.max(-1, Math.min(1, value))
}

/** Every pixel of a patch. Pixels that a layer reads together are adjacent, layer within layer. */
function pixelOrder(kernels: readonly number[]): readonly (readonly [number, number])[] {
  let order: (readonly [number, number])[] = [[0, 0]]
  let size = 1
  for (const kernel of kernels) {
    const larger: (readonly [number, number])[] = []
    for (let y = 0; y < kernel; y++) {
      for (let x = 0; x < kernel; x++) for (const [px, py] of order) larger.push([x * size + px, y * size + py])
    }
    order = larger
    size *= kernel
  }
  return order
}
