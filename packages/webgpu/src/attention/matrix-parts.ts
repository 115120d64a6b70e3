import type { MatrixUnit } from "../product/matrix-tiles.ts"
import { unrolled } from "../wgsl/module.ts"

/* What the kernels of attention on subgroup matrices have in common. */

/** The widest head. A subgroup holds its rows and its sums in registers. */
const MAX_DIM = 128

/** Fours of float16, and of float32, between two rows in shared memory beyond the row. */
export const PADDING = 2
export const SUM_PADDING = 1

/** A tile of attention: subgroups, with a matrix of own rows each, and rows of the other side in shared memory. */
export interface AttentionTile {
  readonly subgroups: number
  readonly others: number
}

/** What a tile takes of a workgroup. */
export interface WorkgroupNeeds {
  readonly rows: number
  readonly threads: number
  readonly sharedBytes: number
}

export type WorkgroupLimits = Pick<
  GPUSupportedLimits,
  "maxComputeInvocationsPerWorkgroup" | "maxComputeWorkgroupStorageSize"
>

/** The first tile that a device takes for heads of a width. Null where there is none. */
export function fittingTile<T extends AttentionTile>(
  { M, N, K, lanes }: MatrixUnit,
  limits: WorkgroupLimits,
  dim: number,
  tiles: readonly T[],
  needs: (tile: T) => WorkgroupNeeds,
): T | null {
  if (dim > MAX_DIM || [4, N, K].some((side) => dim % side !== 0) || lanes % M !== 0) return null
  const fits = (tile: T): boolean => {
    const { rows, threads, sharedBytes } = needs(tile)
    return (
      // Own rows are loaded where those of the other side are later.
      rows <= 2 * tile.others &&
      [4, N, K].every((side) => tile.others % side === 0) &&
      threads <= limits.maxComputeInvocationsPerWorkgroup &&
      sharedBytes <= limits.maxComputeWorkgroupStorageSize
    )
  }
  return tiles.find(fits) ?? null
}

/** Rows of a result that one workgroup makes. */
export function rowsOfTile({ M }: MatrixUnit, { subgroups }: AttentionTile): number {
  return subgroups * M
}

/** Names of a unit's matrices. */
export function matrixTypes({ M, N, K }: MatrixUnit): string {
  return `alias Left = subgroup_matrix_left<f16, ${K}, ${M}>;
alias Right = subgroup_matrix_right<f16, ${N}, ${K}>;
alias Sum = subgroup_matrix_result<f32, ${N}, ${M}>;`
}

/** Rows that are loaded into shared memory. */
export interface LoadedRows {
  /** The buffer, whose place of the head is `side`At. */
  readonly buffer: string
  readonly side: "own" | "other"
  /** The first of them, how many there are, and the number of all. */
  readonly first: string
  readonly count: number
  readonly limit: string
  /** Their place in `tiles`. */
  readonly to: number
}

/** Loads rows of heads into `tiles`, as float16. Rows beyond the last are zero. */
export function loadRows(
  { buffer, side, first, count, limit, to }: LoadedRows,
  { dim, stride, threads }: { readonly dim: number; readonly stride: number; readonly threads: number },
): string {
  const fours = dim / 4
  return `
  for (var e = local; e < ${count * fours}u; e += ${threads}u) {
    let row = e / ${fours}u;
    let four = e % ${fours}u;
    var value = vec4f();
    if (${first} + row < ${limit}) { value = load_${buffer}((${side}At + (${first} + row) * width) / 4u + four); }
    tiles[${to}u + row * ${stride}u + four] = vec4h(value);
  }`
}

/** A line for each step of a sum, or of a maximum, over the invocations of a row. STEP is the distance of the other one. */
export function inRow({ M, lanes }: MatrixUnit, line: string): string {
  return unrolled(Math.log2(lanes / M), (i) => line.replaceAll("STEP", `${2 ** i}u`))
}
