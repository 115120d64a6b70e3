import { WebgpuOpsError } from "../errors.ts"

/** How a product is cut: a workgroup makes tileM × tileN values, an invocation m × n of them. */
export interface Tile {
  readonly tileM: number
  readonly tileN: number
  /** Of the sum, what lies in shared memory at a time; a multiple of four. */
  readonly tileK: number
  readonly m: number
  /** A multiple of four. */
  readonly n: number
}

/** The tiles of products: `large` where there are enough of them to keep a device busy, `small` else. */
export interface ProductTiles {
  readonly large: Tile
  readonly small: Tile
  /**
   * Whether weights of float16 stay so in shared memory. They take half of it, and no value changes. Otherwise, and on a
   * device without `shader-f16`, they become float32 there.
   */
  readonly half: boolean
}

/** What is taken unless a device was tuned. */
export const DEFAULT_TILES: ProductTiles = {
  large: { tileM: 64, tileN: 64, tileK: 16, m: 4, n: 4 },
  small: { tileM: 32, tileN: 32, tileK: 16, m: 4, n: 4 },
  half: false,
}

/** The two kinds of tiles. */
export type TileSize = "large" | "small"

/** What tuning chooses from; the defaults come first, so that they win where nothing is faster. */
export const CANDIDATES: Readonly<Record<TileSize, readonly Tile[]>> = {
  large: [
    DEFAULT_TILES.large,
    { tileM: 64, tileN: 64, tileK: 16, m: 8, n: 4 },
    { tileM: 128, tileN: 64, tileK: 16, m: 8, n: 4 },
    { tileM: 64, tileN: 128, tileK: 16, m: 4, n: 8 },
    { tileM: 128, tileN: 128, tileK: 8, m: 8, n: 8 },
  ],
  small: [
    DEFAULT_TILES.small,
    { tileM: 32, tileN: 32, tileK: 32, m: 4, n: 4 },
    { tileM: 32, tileN: 32, tileK: 16, m: 2, n: 4 },
    { tileM: 16, tileN: 64, tileK: 16, m: 2, n: 4 },
    { tileM: 32, tileN: 64, tileK: 16, m: 4, n: 4 },
  ],
}

/** Invocations of a workgroup. */
export function threadsOf({ tileM, tileN, m, n }: Tile): number {
  return (tileM / m) * (tileN / n)
}

/** Whether a device has the invocations and the shared memory that a tile takes. */
export function fits(
  tile: Tile,
  limits: Pick<GPUSupportedLimits, "maxComputeInvocationsPerWorkgroup" | "maxComputeWorkgroupStorageSize">,
): boolean {
  const { tileM, tileN, tileK } = tile
  // A column more than a tile has keeps neighbours in different banks.
  const shared = 4 * tileK * (tileM + 1 + tileN + 1)
  return threadsOf(tile) <= limits.maxComputeInvocationsPerWorkgroup && shared <= limits.maxComputeWorkgroupStorageSize
}

/** Whether a value, from a file perhaps, is what `tuneProducts` of this release may have given. */
export function areTiles(value: unknown): value is ProductTiles {
  const names = ["tileM", "tileN", "tileK", "m", "n"] as const
  const isTile = (candidates: readonly Tile[], tile: unknown): boolean => {
    const given: Partial<Record<string, unknown>> = Object(tile)
    return candidates.some((candidate) => names.every((name) => candidate[name] === given[name]))
  }
  const { large, small, half }: Partial<Record<keyof ProductTiles, unknown>> = Object(value)
  return isTile(CANDIDATES.large, large) && isTile(CANDIDATES.small, small) && typeof half === "boolean"
}

/** @throws WebgpuOpsError if they are no tiles of this release */
export function expectTiles(tiles: ProductTiles): ProductTiles {
  if (areTiles(tiles)) return tiles
  throw new WebgpuOpsError("tiles", `tiles: ${JSON.stringify(tiles)} are none of this release; tune the device again`)
}
