import { checkBounds } from "./numpy.ts"
import { createPcg64 } from "./pcg64.ts"
import type { Seed } from "./seed.ts"

/** NumPy's `Generator`. With it, a seed chooses the same as in programs that use it. */
export interface NumpyGenerator {
  /** `random()`: a float64 from 0 to 1, without 1. */
  double(): number
  /** `standard_normal()`: a normal number. */
  normal(): number
  /** `integers(low, high)`: a whole number from `low` to `high` - 1. */
  integer(low: number, high: number): number
}

/**
 * A generator after `numpy.random.default_rng(seed)`.
 *
 * Source: NumPy 2, `pcg64.h`, `distributions.c` (the ziggurat of Marsaglia & Tsang 2000 with 256 layers, and Lemire 2019
 * for whole numbers).
 *
 * @throws CoreError when the seed is not an integer in 0 .. 2^64 - 1, or when a range is impossible
 */
export function createNumpyGenerator(seed: Seed): NumpyGenerator {
  const { next64, next32 } = createPcg64(seed)
  const double = (): number => Number(next64() >> 11n) / 2 ** 53
  return {
    double,
    normal() {
      const { widths, limits, heights } = ziggurat()
      for (;;) {
        const word = next64()
        const layer = Number(word & 0xffn)
        const sign = (word >> 8n) & 1n
        const size = Number((word >> 9n) & 0xfffffffffffffn)
        const x = size * (widths[layer] as number) * (sign === 1n ? -1 : 1)
        if (size < (limits[layer] as number)) return x
        if (layer === 0) {
          for (;;) {
            const beyond = -Math.log1p(-double()) / EDGE
            const y = -Math.log1p(-double())
            // The sign is another bit than above.
            if (y + y > beyond * beyond) return (size / 256) % 2 >= 1 ? -(EDGE + beyond) : EDGE + beyond
          }
        }
        const [above, below] = [heights[layer - 1] as number, heights[layer] as number]
        if ((above - below) * double() + below < Math.exp(-0.5 * x * x)) return x
      }
    },
    integer(low, high) {
      checkBounds(low, high)
      const width = BigInt(high - low)
      if (width === 1n) return low
      const threshold = (0x100000000n - width) % width
      for (;;) {
        const product = BigInt(next32()) * width
        if ((product & 0xffffffffn) >= threshold) return low + Number(product >> 32n)
      }
    },
  }
}

/** Where the lowest of the layers ends, so that all have one area. */
const EDGE = 3.6541528853610088
const LAYERS = 256

interface Ziggurat {
  /** Width of each layer for a size of 1. Sizes have 52 bits. */
  readonly widths: readonly number[]
  /** Sizes below this lie within the layer above, too. */
  readonly limits: readonly number[]
  /** The density, without its factor, at the edge of each layer. */
  readonly heights: readonly number[]
}

let kept: Ziggurat | undefined

/** The layers, from the lowest to the highest. Made once, when the first normal number is drawn. */
function ziggurat(): Ziggurat {
  if (kept !== undefined) return kept
  const density = (x: number): number => Math.exp(-0.5 * x * x)
  const edges: number[] = Array(LAYERS).fill(0)
  edges[LAYERS - 1] = EDGE
  const area = EDGE * density(EDGE) + tailArea(EDGE)
  for (let i = LAYERS - 2; i > 0; i--) {
    const outer = edges[i + 1] as number
    edges[i] = Math.sqrt(-2 * Math.log(area / outer + density(outer)))
  }
  const base = area / density(EDGE)
  const edgeOf = (i: number): number => (i === 0 ? base : (edges[i] as number))
  kept = {
    widths: edges.map((_, i) => edgeOf(i) / 2 ** 52),
    limits: edges.map((_, i) => Math.floor(((i === 0 ? EDGE : (edges[i - 1] as number)) / edgeOf(i)) * 2 ** 52)),
    heights: edges.map((_, i) => (i === 0 ? 1 : density(edges[i] as number))),
  }
  return kept
}

/** Terms of the continued fraction, which give float64's last digit from 3 on. */
const TAIL_TERMS = 60

/** The area beyond x under the density: Laplace's continued fraction of Mills' ratio. */
function tailArea(x: number): number {
  let fraction = x
  for (let term = TAIL_TERMS; term > 0; term--) fraction = x + term / fraction
  return Math.exp(-0.5 * x * x) / fraction
}
