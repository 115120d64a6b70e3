/** A device's subgroup matrices: [M, K] of float16 times [K, N] of float16, added up in float32 by `lanes` invocations. */
export interface MatrixUnit {
  readonly M: number
  readonly N: number
  readonly K: number
  /** Invocations of every subgroup. */
  readonly lanes: number
}

/** The tile of a workgroup, counted in matrices. Both pairs are down, then across. */
export interface MatrixTile {
  readonly subgroups: readonly [number, number]
  /** Matrices of a subgroup. */
  readonly matrices: readonly [number, number]
  /** Matrices along k that are in shared memory at one time. */
  readonly depth: number
}

/**
 * From large to small. With matrices of 16×16×16 they are 128×128, 64×64 and 32×64, by 32 along k. The first is the one
 * that other projects settled on for NVIDIA's cards.
 */
export const MATRIX_TILES: readonly MatrixTile[] = [
  { subgroups: [2, 2], matrices: [4, 4], depth: 2 },
  { subgroups: [2, 2], matrices: [2, 2], depth: 2 },
  { subgroups: [2, 2], matrices: [1, 2], depth: 2 },
]

/**
 * What tuning tries in place of the first two of `MATRIX_TILES`. Those come first, so that they win if none is faster. With
 * matrices of 16×16×16 a large one is 128×128 or 128×64, and a medium one 64×64 or 128×64.
 */
export const MATRIX_CANDIDATES: readonly (readonly [MatrixTile, ...MatrixTile[]])[] = [
  [
    { subgroups: [2, 2], matrices: [4, 4], depth: 2 },
    // As large, with half of the sums in an invocation's registers.
    { subgroups: [2, 4], matrices: [4, 2], depth: 2 },
    { subgroups: [2, 2], matrices: [4, 4], depth: 1 },
    { subgroups: [2, 2], matrices: [4, 2], depth: 2 },
  ],
  [
    { subgroups: [2, 2], matrices: [2, 2], depth: 2 },
    { subgroups: [2, 2], matrices: [2, 2], depth: 4 },
    { subgroups: [4, 2], matrices: [2, 2], depth: 2 },
  ],
]

/** Whether a value, for example from a file, is a possible result of tuning. */
export function areMatrixTiles(value: unknown): value is readonly MatrixTile[] {
  if (!Array.isArray(value) || value.length !== MATRIX_TILES.length) return false
  return value.every((tile, i) => {
    const known = MATRIX_CANDIDATES[i] ?? MATRIX_TILES.slice(i, i + 1)
    return known.some((candidate) => JSON.stringify(candidate) === JSON.stringify(tile))
  })
}

/** Fours of float16 between two rows in shared memory beyond the row, so that rows begin in different banks. */
const PADDING = 2

/** Floats between two rows of sums in shared memory beyond the row. */
const SUM_PADDING = 4

/** A tile's sizes in values, and its shared memory. */
export interface MatrixTileSizes {
  readonly tileM: number
  readonly tileN: number
  readonly tileK: number
  readonly threads: number
  /** Fours of float16 between two rows of a factor in shared memory. */
  readonly stride: number
  /** Fours of float32 between two rows of sums there, and fours for the sums of one subgroup. */
  readonly sumStride: number
  readonly sumFours: number
  readonly sharedBytes: number
}

export function matrixSizes({ M, N, K, lanes }: MatrixUnit, tile: MatrixTile): MatrixTileSizes {
  const [down, across] = tile.subgroups
  const tileM = down * tile.matrices[0] * M
  const tileN = across * tile.matrices[1] * N
  const tileK = tile.depth * K
  const stride = tileK / 4 + PADDING
  const sumStride = (N + SUM_PADDING) / 4
  const sumFours = M * sumStride
  const sharedBytes = 8 * stride * (tileM + tileN) + 16 * down * across * sumFours
  return { tileM, tileN, tileK, threads: lanes * down * across, stride, sumStride, sumFours, sharedBytes }
}

type Limits = Pick<GPUSupportedLimits, "maxComputeInvocationsPerWorkgroup" | "maxComputeWorkgroupStorageSize">

/** Those of the tiles for which a device has the invocations and the shared memory. */
export function fittingTiles(
  unit: MatrixUnit,
  limits: Limits,
  tiles: readonly MatrixTile[] = MATRIX_TILES,
): readonly MatrixTile[] {
  return tiles.filter((tile) => {
    const { threads, sharedBytes } = matrixSizes(unit, tile)
    return threads <= limits.maxComputeInvocationsPerWorkgroup && sharedBytes <= limits.maxComputeWorkgroupStorageSize
  })
}

/** What WebGPU says of an adapter. Its types do not have the matrices yet. */
export interface MatrixInfo {
  readonly subgroupMinSize?: number
  readonly subgroupMaxSize?: number
  readonly subgroupMatrixConfigs?: Iterable<{
    readonly componentType: string
    readonly resultComponentType: string
    readonly M: number
    readonly N: number
    readonly K: number
  }>
}

/**
 * The largest matrices of float16 with sums of float32. Null where there are none, where the size of a subgroup is not
 * fixed, or where the smallest tile does not fit.
 */
export function matrixUnitOf(info: MatrixInfo, limits: Limits): MatrixUnit | null {
  const { subgroupMinSize, subgroupMaxSize, subgroupMatrixConfigs = [] } = info
  if (subgroupMinSize === undefined || subgroupMinSize !== subgroupMaxSize) return null
  const units = [...subgroupMatrixConfigs]
    .filter(({ componentType, resultComponentType }) => componentType === "f16" && resultComponentType === "f32")
    .map(({ M, N, K }): MatrixUnit => ({ M, N, K, lanes: subgroupMinSize }))
    // Tiles are loaded and stored by four.
    .filter((unit) => [unit.M, unit.N, unit.K].every((side) => side % 4 === 0) && fittingTiles(unit, limits).length > 0)
    .sort((one, other) => other.M * other.N * other.K - one.M * one.N * one.K)
  return units[0] ?? null
}
