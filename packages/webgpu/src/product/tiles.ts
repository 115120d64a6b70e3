import { WebgpuOpsError } from "../errors.ts"
import { areMatrixTiles, type MatrixTile } from "./matrix-tiles.ts"

/** The tiles of a product. A workgroup computes tileM × tileN values, and an invocation m × n of them. */
export interface Tile {
  readonly tileM: number
  readonly tileN: number
  /** The part of the sum that is in shared memory at one time. A multiple of four. */
  readonly tileK: number
  /** A multiple of four, like n. */
  readonly m: number
  readonly n: number
}

/**
 * The tiles of products. `large` is for products with enough large tiles to keep a device busy, `small` for all others.
 */
export interface ProductTiles {
  readonly large: Tile
  readonly small: Tile
  /**
   * Whether float16 weights stay in 16 bits in shared memory. They then take half the space, and no value changes.
   * Otherwise, and on a device without `shader-f16`, they become float32 there.
   */
  readonly half: boolean
  /** Tiles of products on subgroup matrices, from large to small. Default: those for a device that was not tuned. */
  readonly matrices?: readonly MatrixTile[]
}

/** The tiles for a device that was not tuned. */
export const DEFAULT_TILES: ProductTiles = {
  large: { tileM: 64, tileN: 64, tileK: 16, m: 4, n: 4 },
  small: { tileM: 32, tileN: 32, tileK: 16, m: 4, n: 4 },
  half: false,
}

/** The two kinds of tiles. */
export type TileSize = "large" | "small"

/** The candidates of tuning. The defaults come first, so that they win if no candidate is faster. */
export const CANDIDATES: Readonly<Record<TileSize, readonly Tile[]>> = {
  large: [
    DEFAULT_TILES.large,
    // Reads the fewest bytes of shared memory for a multiplication. It needs 16.5 KiB of it.
    { tileM: 128, tileN: 128, tileK: 16, m: 8, n: 8 },
    { tileM: 128, tileN: 128, tileK: 8, m: 8, n: 8 },
    { tileM: 128, tileN: 64, tileK: 16, m: 8, n: 8 },
    { tileM: 64, tileN: 64, tileK: 16, m: 8, n: 4 },
    { tileM: 64, tileN: 64, tileK: 16, m: 8, n: 8 },
  ],
  small: [
    DEFAULT_TILES.small,
    { tileM: 32, tileN: 32, tileK: 32, m: 4, n: 4 },
    { tileM: 32, tileN: 64, tileK: 16, m: 4, n: 4 },
    { tileM: 16, tileN: 64, tileK: 16, m: 4, n: 4 },
  ],
}

/** Floats between two rows of a tile in shared memory beyond the row, so that rows begin in different banks. */
const PADDING = 4

/** Fours of shared memory between two rows of a tile with this many edges. */
export function rowOf(edges: number): number {
  return (edges + PADDING) / 4
}

/** Bytes of shared memory that a tile takes. */
export function sharedBytes({ tileM, tileN, tileK }: Tile): number {
  return 16 * tileK * (rowOf(tileM) + rowOf(tileN))
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
  return (
    threadsOf(tile) <= limits.maxComputeInvocationsPerWorkgroup &&
    sharedBytes(tile) <= limits.maxComputeWorkgroupStorageSize
  )
}

/** Whether a value, for example from a file, is a possible result of this release's `tuneProducts`. */
export function areTiles(value: unknown): value is ProductTiles {
  const names = ["tileM", "tileN", "tileK", "m", "n"] as const
  const isTile = (candidates: readonly Tile[], tile: unknown): boolean => {
    const sides: Partial<Record<string, unknown>> = Object(tile)
    return candidates.some((candidate) => names.every((name) => candidate[name] === sides[name]))
  }
  const { large, small, half, matrices }: Partial<Record<keyof ProductTiles, unknown>> = Object(value)
  const isTuned = isTile(CANDIDATES.large, large) && isTile(CANDIDATES.small, small) && typeof half === "boolean"
  return isTuned && (matrices === undefined || areMatrixTiles(matrices))
}

/** Checks tiles. @throws WebgpuOpsError for tiles that are not of this release */
export function expectTiles(tiles: ProductTiles): ProductTiles {
  if (areTiles(tiles)) return tiles
  throw new WebgpuOpsError(
    "tiles",
    `tiles: ${JSON.stringify(tiles)} are not tiles of this release. Tune the device again.`,
  )
}
