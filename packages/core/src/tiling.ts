import { checkArgument, checkArguments, checkOptions, type OptionKinds } from "./argument.ts"
import { CoreError } from "./errors.ts"
import { checkRanges, type NumberRange } from "./number-range.ts"

/** How a large picture is cut into tiles that overlap. All lengths are pixels of the picture. */
export interface Tiling {
  /** The side of a tile, a multiple of 32. A picture's side that is shorter is not cut. */
  readonly size: number
  /** What neighbouring tiles share at least, a multiple of 8 below the size. Default: an eighth of the size. */
  readonly overlap?: number
}

/** Ranges of `Tiling`. */
export const TILING_RANGES = {
  size: { integer: true, min: 64, max: 16384 },
  overlap: { integer: true, min: 0, max: 8192 },
} as const satisfies Readonly<Record<string, NumberRange>>

const KINDS: OptionKinds<Tiling> = { size: "a number", overlap: "a number" }

/** A tile's size is a multiple of this, so that the tokens of all blocks fill it. */
export const TILE_MULTIPLE = 32

/** An overlap is a multiple of this: one latent. */
export const OVERLAP_MULTIPLE = 8

/** The overlap of a tiling, in pixels. */
export function overlapOf(tiling: Tiling): number {
  checkArgument("tiles: the tiling", tiling, "an object")
  const { size, overlap = OVERLAP_MULTIPLE * Math.round(size / 64) } = tiling
  checkArguments("tiles", "a finite number", { size, overlap })
  return overlap
}

/** Checks a tiling. @param place its owner, which begins the message @throws CoreError that names what is wrong */
export function checkTiling(place: string, tiling: Tiling): void {
  checkOptions(place, tiling, KINDS, ["size"])
  checkRanges(place, { ...tiling }, TILING_RANGES)
  const overlap = overlapOf(tiling)
  const refuse = (what: string): never => {
    throw new CoreError("option-range", `${place}: ${what}`)
  }
  if (tiling.size % TILE_MULTIPLE !== 0) refuse(`size is ${tiling.size}, expected a multiple of ${TILE_MULTIPLE}`)
  if (overlap % OVERLAP_MULTIPLE !== 0) refuse(`overlap is ${overlap}, expected a multiple of ${OVERLAP_MULTIPLE}`)
  if (2 * overlap > tiling.size) {
    refuse(
      `overlap is ${overlap} and size ${tiling.size}, expected at most half of it: a point would lie in many tiles`,
    )
  }
}

/** A part of a picture or of its latents. */
export interface Region {
  readonly top: number
  readonly left: number
  readonly height: number
  readonly width: number
}

/** Rows and columns that are cut. */
type Sides = Pick<Region, "height" | "width">

/**
 * The tiles of a grid, row after row. They have one size, and lie evenly. Neighbours share at least the overlap.
 *
 * @param unit pixels for each cell of the grid
 * @param step Tiles begin at multiples of this many cells, but for the last, which ends at the border. Default: 1
 */
export function tilesOf(sides: Sides, tiling: Tiling, unit: number, step = 1): readonly Region[] {
  const size = tiling.size / unit
  const overlap = overlapOf(tiling) / unit
  const rows = startsOf(sides.height, size, overlap, step)
  const columns = startsOf(sides.width, size, overlap, step)
  const [height, width] = [Math.min(size, sides.height), Math.min(size, sides.width)]
  return rows.flatMap((top) => columns.map((left) => ({ top, left, height, width })))
}

/** Where the tiles of a side begin. */
function startsOf(side: number, size: number, overlap: number, step: number): readonly number[] {
  if (side <= size) return [0]
  const last = side - size
  // In steps, so that flooring leaves no overlap too small.
  const way = Math.ceil(last / step)
  const count = Math.ceil(way / Math.max(1, Math.floor((size - overlap) / step))) + 1
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? last : step * Math.floor((i * way) / (count - 1))))
}

/** The weights of a tile's cells: that of a cell is the product of its row's and its column's. */
export interface TileWeights {
  readonly rows: Float64Array
  readonly columns: Float64Array
}

/**
 * The weights of the cells of each tile. A weight falls smoothly to the borders that a tile shares with a neighbour. The
 * weights of all tiles add up to 1 at every cell.
 */
export function tileWeights(sides: Sides, tiles: readonly Region[]): readonly TileWeights[] {
  const rows = weightsOf(
    sides.height,
    tiles.map(({ top, height }) => [top, height]),
  )
  const columns = weightsOf(
    sides.width,
    tiles.map(({ left, width }) => [left, width]),
  )
  return tiles.map(({ top, left }) => ({
    rows: rows.get(top) as Float64Array,
    columns: columns.get(left) as Float64Array,
  }))
}

/** The weight of every cell of a tile, row by row. */
export function cellWeights({ rows, columns }: TileWeights): Float32Array {
  const { length: width } = columns
  return Float32Array.from(
    { length: rows.length * width },
    (_, i) => (rows[Math.floor(i / width)] as number) * (columns[i % width] as number),
  )
}

/** A region of a grid that has `factor` times as many cells each way. */
export function scaledRegion({ top, left, height, width }: Region, factor: number): Region {
  return { top: factor * top, left: factor * left, height: factor * height, width: factor * width }
}

/** The weights along a side, by the start of each tile. They add up to 1 at every cell. */
function weightsOf(side: number, parts: readonly (readonly [number, number])[]): ReadonlyMap<number, Float64Array> {
  const starts = [...new Map(parts)].sort(([a], [b]) => a - b)
  const sums = new Float64Array(side)
  const ramps = starts.map(([start, length], i): readonly [number, Float64Array] => {
    const [before, next] = [starts[i - 1], starts[i + 1]]
    const shared = {
      left: before === undefined ? 0 : before[0] + before[1] - start,
      right: next === undefined ? 0 : start + length - next[0],
    }
    const ramp = Float64Array.from({ length }, (_, at) => rise(at, shared.left) * rise(length - 1 - at, shared.right))
    for (const [at, value] of ramp.entries()) sums[start + at] = (sums[start + at] as number) + value
    return [start, ramp]
  })
  for (const [start, ramp] of ramps)
    for (const [at, value] of ramp.entries()) ramp[at] = value / (sums[start + at] as number)
  return new Map(ramps)
}

/** From nearly 0 at a border to 1 behind the shared cells, with flat ends. */
function rise(at: number, shared: number): number {
  return at >= shared ? 1 : Math.sin((Math.PI / 2) * ((at + 0.5) / shared)) ** 2
}
