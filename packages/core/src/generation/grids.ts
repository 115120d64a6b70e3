import type { GradualLatent } from "../diffusion/gradual-latent.ts"
import type { DeepShrink } from "../models/unet/deep-shrink.ts"
import type { Tiling } from "../tiling.ts"

/** The sides of pictures whose features and embeddings of LLLites have the same grids, in pixels. */
const GRID_MULTIPLE = 32

/**
 * Why embeddings of LLLites are resampled in a run: the features of some block have another grid. Null: they are not.
 */
export function resampleReason({
  width,
  height,
  adapters = [],
  deepShrink = null,
  gradualLatent = null,
  tiles = null,
}: {
  readonly width: number
  readonly height: number
  readonly adapters?: readonly unknown[]
  readonly deepShrink?: DeepShrink | null
  readonly gradualLatent?: GradualLatent | null
  readonly tiles?: Tiling | null
}): string | null {
  if (adapters.length === 0) return null
  // The side of a tile is a multiple, too.
  const isOdd = (side: number): boolean => side % GRID_MULTIPLE !== 0 && side <= (tiles?.size ?? side)
  if (isOdd(width) || isOdd(height)) {
    return `${width}×${height} px is not a multiple of ${GRID_MULTIPLE}`
  }
  if (deepShrink !== null) return "Deep Shrink makes features smaller"
  if (gradualLatent !== null) return "gradual latent begins with smaller features"
  return null
}

/** A sentence about embeddings that are resampled. */
export function resampleNotice(reason: string): string {
  return `The embeddings of LLLites are resampled to the grid of the features, because ${reason}.`
}
