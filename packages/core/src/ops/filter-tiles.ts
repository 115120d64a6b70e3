/** Outputs on a side of a tile of a convolution. */
export type TileSide = 2 | 4

/** A convolution's filter, and the picture that it makes. */
export interface FilterUse {
  /** [out, in, height, width]. */
  readonly filter: readonly number[]
  /** Pixels between two windows, of the pass or of the one whose gradient it is. */
  readonly stride: number
  readonly height: number
  readonly width: number
}

/** With fewer channels, transforming tiles takes longer than it saves. */
const LEAST_CHANNELS = 16

/** On a side of fewer outputs, most of a direct convolution's taps meet no pixel. */
const LEAST_SIDE = 4

/** Pairs of channels above which a transformed filter, of 4 MiB or more, is not worth its memory. */
const MOST_PAIRS: Readonly<Record<TileSide, number>> = { 2: 2 ** 16, 4: 2 ** 15 }

/**
 * The tiles in which the kernels of WebAssembly run a convolution. Null: it runs directly. It follows from the filter
 * alone where a picture has 4 × 4 pixels or more, so a filter is held in one layout for each direction.
 */
export function filterTileSide({ filter, stride, height, width }: FilterUse): TileSide | null {
  const [out = 0, inner = 0, ...kernel] = filter
  const areChannels = [inner, out].every((channels) => channels >= LEAST_CHANNELS && channels % 4 === 0)
  if (kernel.join() !== "3,3" || stride !== 1 || !areChannels) return null
  if (height < LEAST_SIDE || width < LEAST_SIDE || inner * out > MOST_PAIRS[2]) return null
  return inner * out <= MOST_PAIRS[4] ? 4 : 2
}

/**
 * Bytes that a filter in tiles of this side needs beside the plain one, for one direction. A filter of 3 × 3 becomes
 * one of (side + 2)².
 *
 * @param columns the channels of the result
 * @param sums the channels of what is read
 */
export function filterTileBytes(columns: number, sums: number, side: TileSide): number {
  return 4 * (side + 2) ** 2 * Math.ceil(columns / 8) * 8 * sums
}
