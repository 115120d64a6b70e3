import { type Gpu, openGpu } from "../gpu.ts"
import { rowsOf, weightRows } from "./factors.ts"
import type { ProductInput, ProductSizes } from "./run.ts"
import { runProduct } from "./run.ts"
import { CANDIDATES, DEFAULT_TILES, fits, type ProductTiles, type TileSize } from "./tiles.ts"

/** Products that make `runProduct` choose large tiles, for every candidate, and small tiles. */
const SIZES: Readonly<Record<TileSize, ProductSizes>> = {
  large: { m: 1024, n: 1024, k: 256 },
  small: { m: 256, n: 256, k: 256 },
}

/** The shortest measurement, in ms. A shorter one would measure the clock and the driver's work. */
const SPAN = 5
const MOST_REPEATS = 64
/**
 * Measurements of a candidate. The fastest counts. A long product is measured once, because noise is small against it.
 */
const ROUNDS = 3
const LONG = 100
/** The gain in speed that a candidate needs to win, so that noise does not decide. */
const MARGIN = 0.03

/**
 * Measures the fastest tiles of products on the device in use, for `WebgpuOpsOptions.tiles`. The result is plain data,
 * which a program can store for the next start on the same adapter. `areTiles` checks stored data. Products with other
 * tiles may differ in the last bits. Products with the same tiles have the same bits.
 *
 * @throws WebgpuOpsError if the backend in use was not started by `startWebgpu`
 */
export async function tuneProducts(): Promise<ProductTiles> {
  const gpu = openGpu()
  let tiles = DEFAULT_TILES
  for (const size of ["large", "small"] as const) {
    const candidates = CANDIDATES[size].filter((tile) => fits(tile, gpu.limits))
    const { k } = SIZES[size]
    tiles = await fastest(
      gpu,
      SIZES[size],
      rowsOf("y", k),
      candidates.map((tile) => ({ ...tiles, [size]: tile })),
    )
  }
  if (!gpu.features.float16) return tiles
  const weights = weightRows({ format: "F16", rounds: false }, SIZES.large.k)
  return fastest(gpu, SIZES.large, weights, [tiles, { ...tiles, half: true }])
}

/** The fastest candidate for products of these sizes. Default: the first, if no other is clearly faster. */
export async function fastest(
  gpu: Gpu,
  sizes: ProductSizes,
  factor: ProductInput["factor"],
  candidates: readonly ProductTiles[],
): Promise<ProductTiles> {
  return fastestOf(candidates, await measured(gpu, sizes, factor, candidates))
}

/** The candidate with the least milliseconds. Default: the first, if no other is clearly faster. */
export function fastestOf(candidates: readonly ProductTiles[], millis: readonly number[]): ProductTiles {
  let best = 0
  for (const [i, taken] of millis.entries()) if (taken < (1 - MARGIN) * (millis[best] ?? taken)) best = i
  return candidates[best] ?? DEFAULT_TILES
}

/** Milliseconds of a product of these sizes with each candidate. */
export async function measured(
  gpu: Gpu,
  sizes: ProductSizes,
  factor: ProductInput["factor"],
  candidates: readonly ProductTiles[],
): Promise<readonly number[]> {
  const { m, n, k } = sizes
  // The buffer of the right factor may be larger than the factor.
  const [x, y] = [gpu.create([m, k]), gpu.create([n, k])]
  const left = { factor: rowsOf("x", k), buffers: [x], params: [] }
  const right = { factor, buffers: [y], params: [] }
  /** Milliseconds for this number of products, one after another. */
  const time = async (tiles: ProductTiles, repeats: number): Promise<number> => {
    const start = performance.now()
    for (let i = 0; i < repeats; i++) runProduct({ ...gpu, tiles }, sizes, left, right, {}, { shape: [m, n] }).dispose()
    await gpu.done()
    return performance.now() - start
  }
  try {
    const [first = DEFAULT_TILES] = candidates
    // The first run compiles.
    await time(first, 1)
    let repeats = 1
    let taken = await time(first, repeats)
    while (repeats < MOST_REPEATS && taken < SPAN) {
      repeats *= 2
      taken = await time(first, repeats)
    }
    const rounds = taken > LONG ? 1 : ROUNDS
    const millis: number[] = []
    for (const tiles of candidates) {
      await time(tiles, 1)
      let least = Number.POSITIVE_INFINITY
      for (let round = 0; round < rounds; round++) least = Math.min(least, await time(tiles, repeats))
      millis.push(least / repeats)
    }
    return millis
  } finally {
    x.dispose()
    y.dispose()
  }
}
