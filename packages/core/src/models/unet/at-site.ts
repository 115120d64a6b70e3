import type { Site } from "@lllite/format"
import type { Tensor } from "@tensorflow/tfjs-core"

/** Rows and columns that a layer's tokens or pixels form. */
export interface Grid {
  readonly height: number
  readonly width: number
}

/**
 * What stands before every layer an adapter may feed. x: [N, T, C] before a linear layer, [N, H, W, C] before a
 * convolution → the same shape. `grid` says how the tokens lie in the picture.
 */
export type AtSite = (site: Site, x: Tensor, grid: Grid) => Tensor

/** No adapter. */
export const identityAtSite: AtSite = (_, x) => x
