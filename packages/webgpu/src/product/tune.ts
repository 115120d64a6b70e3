import { type Gpu, openGpu } from "../gpu.ts"
import { rowsOf } from "./factors.ts"
import type { ProductSizes } from "./run.ts"
import { runProduct } from "./run.ts"
import { CANDIDATES, DEFAULT_TILES, fits, type ProductTiles, type Tile } from "./tiles.ts"

/** Products for which `runProduct` takes large tiles, whichever they are, and small ones. */
const SIZES: Readonly<Record<keyof ProductTiles, ProductSizes>> = {
  large: { m: 1024, n: 1024, k: 256 },
  small: { m: 256, n: 256, k: 256 },
}

/** The least that a measurement takes, in ms: below, the clock and the driver's own work would be measured. */
const SPAN = 5
const MOST_REPEATS = 64
/** Measurements of a tile, of which the fastest counts. What takes long is measured once: chance is small beside it. */
const ROUNDS = 3
const LONG = 100
/** What a tile must be faster by to be taken, so that chance does not choose. */
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
  return { large: await fastest(gpu, "large"), small: await fastest(gpu, "small") }
}

async function fastest(gpu: Gpu, size: keyof ProductTiles): Promise<Tile> {
  const { m, n, k } = SIZES[size]
  const [x, y] = [gpu.create([m, k]), gpu.create([n, k])]
  const left = { factor: rowsOf("x", k), buffers: [x], params: [] }
  const right = { factor: rowsOf("y", k), buffers: [y], params: [] }
  /** Milliseconds of so many products, one after another. */
  const time = async (tile: Tile, repeats: number): Promise<number> => {
    const own = { ...gpu, tiles: { ...DEFAULT_TILES, [size]: tile } }
    const start = performance.now()
    for (let i = 0; i < repeats; i++) runProduct(own, SIZES[size], left, right, null, [m, n]).dispose()
    await gpu.done()
    return performance.now() - start
  }
  try {
    let best = DEFAULT_TILES[size]
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
    for (const tile of CANDIDATES[size].filter((tile) => fits(tile, gpu.limits))) {
      await time(tile, 1)
      let own = Number.POSITIVE_INFINITY
      for (let round = 0; round < rounds; round++) own = Math.min(own, await time(tile, repeats))
      if (own < (1 - MARGIN) * least) [best, least] = [tile, own]
    }
    return best
  } finally {
    x.dispose()
    y.dispose()
  }
}
