import type { Site } from "@lllite/format"
import type { Tensor } from "@tensorflow/tfjs-core"

/** Rows and columns that a layer's tokens or pixels form. */
export interface Grid {
  readonly height: number
  readonly width: number
}

/**
 * What stands before the layers that an adapter may feed. It is asked once for all layers that read the same x, the
 * queries, keys and values of self-attention, so that what they share is computed once; others come alone.
 *
 * x: [N, T, C] before linear layers, [N, H, W, C] before a convolution → what each site's layer reads, of x's shape,
 * in the sites' order. `grid` says how the tokens lie in the picture.
 */
export type AtSite = (sites: readonly Site[], x: Tensor, grid: Grid) => readonly Tensor[]

/** No adapter. */
export const identityAtSite: AtSite = (sites, x) => sites.map(() => x)
