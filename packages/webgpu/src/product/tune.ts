import { type Gpu, openGpu } from "../gpu.ts"
import { rowsOf, weightRows } from "./factors.ts"
import type { GivenFactor, ProductSizes } from "./run.ts"
import { runProduct } from "./run.ts"
import { CANDIDATES, DEFAULT_TILES, fits, type ProductTiles, type TileSize } from "./tiles.ts"

/** Products for which `runProduct` takes large tiles, whichever they are, and small ones. */
const SIZES: Readonly<Record<TileSize, ProductSizes>> = {
  large: { m: 1024, n: 1024, k: 256 },
  small: { m: 256, n: 256, k: 256 },
}

/** The least that a measurement takes, in ms: below, the clock and the driver's own work would be measured. */
const SPAN = 5
const MOST_REPEATS = 64
/** Measurements of a candidate, of which the fastest counts. What takes long is measured once: chance is small beside it. */
const ROUNDS = 3
const LONG = 100
/** What a candidate must be faster by to be taken, so that chance does not choose. */
const MARGIN = 0.03

/**
 * Measures on the device in use which tiles its products are fastest with, for `WebgpuOpsOptions.tiles`. The result is
 * plain data, to be kept for the next start on the same adapter (`areTiles` checks what was kept). Products with other
 * tiles may differ in the last bits; with the same, they do not.
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
      size,
      rowsOf("y", k),
      candidates.map((tile) => ({ ...tiles, [size]: tile })),
    )
  }
  if (!gpu.features.float16) return tiles
  const weights = weightRows("f16", SIZES.large.k)
  return fastest(gpu, "large", weights, [tiles, { ...tiles, half: true }])
}

/** Which of the candidates is the fastest at products of a size, the first unless another is so clearly. */
async function fastest(
  gpu: Gpu,
  size: TileSize,
  factor: GivenFactor["factor"],
  candidates: readonly ProductTiles[],
): Promise<ProductTiles> {
  const { m, n, k } = SIZES[size]
  // What holds the right factor may be larger than that is.
  const [x, y] = [gpu.create([m, k]), gpu.create([n, k])]
  const left = { factor: rowsOf("x", k), buffers: [x], params: [] }
  const right = { factor, buffers: [y], params: [] }
  /** Milliseconds of so many products, one after another. */
  const time = async (tiles: ProductTiles, repeats: number): Promise<number> => {
    const start = performance.now()
    for (let i = 0; i < repeats; i++) runProduct({ ...gpu, tiles }, SIZES[size], left, right, null, [m, n]).dispose()
    await gpu.done()
    return performance.now() - start
  }
  try {
    let [best = DEFAULT_TILES] = candidates
    // The first run compiles.
    await time(best, 1)
    let repeats = 1
    let taken = await time(best, repeats)
    while (repeats < MOST_REPEATS && taken < SPAN) {
      repeats *= 2
      taken = await time(best, repeats)
    }
    const rounds = taken > LONG ? 1 : ROUNDS
    let least = Number.POSITIVE_INFINITY
    for (const tiles of candidates) {
      await time(tiles, 1)
      let own = Number.POSITIVE_INFINITY
      for (let round = 0; round < rounds; round++) own = Math.min(own, await time(tiles, repeats))
      if (own < (1 - MARGIN) * least) [best, least] = [tiles, own]
    }
    return best
  } finally {
    x.dispose()
    y.dispose()
  }
}
