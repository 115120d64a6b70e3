import type { NetworkLayer } from "@lllite/format"
import type { Conv2dWeight, LinearWeight } from "../ops/ops.ts"

/** The weight of a layer, and the layer's place in the network. */
export interface PlacedWeight<W extends LinearWeight | Conv2dWeight> {
  readonly weight: W
  readonly layer: NetworkLayer
}

export type PlacedLinear = PlacedWeight<LinearWeight>
export type PlacedConv = PlacedWeight<Conv2dWeight>
