import type { NetworkLayer } from "@lllite/format"
import type { PlacedLinear } from "../placed.ts"
import type { Grid, Pass, Tap, TapReads } from "../taps.ts"
import { NO_READS, NO_TAP, tapReads } from "../taps.ts"
import type { UnetParams } from "./params.ts"
import { placesOf } from "./params.ts"
import { unetStages } from "./walk.ts"

/** A pass whose tap is asked what it reads. */
export interface TappedPass {
  readonly tap: Tap
  readonly pass: Pass
  /** Rows of the batch. */
  readonly count: number
  /** The grid of the latents. */
  readonly grid: Grid
}

/** What a tap reads in a whole pass. Null where that is not known for a layer. */
export function tapReadsOfPass(params: UnetParams, { tap, pass, count, grid }: TappedPass): TapReads | null {
  if (tap === NO_TAP) return NO_READS
  const grids = gridsOf(params, grid)
  return tapReads(tap, [...grids.keys()], (layer) => ({ ...pass, grid: grids.get(layer) ?? null }), count)
}

/** Every layer of a U-Net with the grid of its input. Null: it reads text or an embedding. */
function gridsOf(params: UnetParams, latents: Grid): ReadonlyMap<NetworkLayer, Grid | null> {
  const grids = new Map<NetworkLayer, Grid | null>()
  const place = (tree: object, grid: Grid | null): void => {
    for (const layer of placesOf(tree).layers) grids.set(layer, grid)
  }
  const withoutGrid = (layers: readonly PlacedLinear[]): void => {
    for (const { layer } of layers) grids.set(layer, null)
  }
  withoutGrid([...params.timeEmbedding, ...params.sizeEmbedding])
  let grid = latents
  const outputs: Grid[] = []
  for (const { block, skip } of unetStages(params)) {
    // On the way up, features have the size of the skip.
    grid = outputs[skip ?? -1] ?? grid
    for (const part of block.parts) {
      if (part.kind === "upsample") grid = { height: 2 * grid.height, width: 2 * grid.width }
      place(part, grid)
      if (part.kind === "res") withoutGrid([part.embedding])
      if (part.kind === "transformer") {
        withoutGrid(part.blocks.flatMap(({ crossAttention: { k, v } }) => [k, v]))
      }
      if (part.kind === "downsample") grid = { height: Math.ceil(grid.height / 2), width: Math.ceil(grid.width / 2) }
    }
    outputs.push(grid)
  }
  place(params.outConv, latents)
  return grids
}
