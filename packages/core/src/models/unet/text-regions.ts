import type { NetworkLayer } from "@lllite/format"
import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import type { Grid, Tap } from "../taps.ts"
import type { UnetParams } from "./params.ts"

/** A text that acts in a region of the picture, beside other texts in one pass. */
export interface TextRegion {
  /** A row for each picture. [N, T, contextDim] */
  readonly context: Tensor3D
  /** What changes the text's keys and values and what they give, beside the tap of the pass. */
  readonly tap: Tap
  /** How much the text counts at the tokens of a grid. It stays the region's. [1 or N, tokens, 1] */
  share(grid: Grid): Tensor
}

/** The layers of a U-Net that each text has for itself: keys, values and outputs of cross-attentions. */
export function textLayers({ inputBlocks, middle, outputBlocks }: UnetParams): ReadonlySet<NetworkLayer> {
  const blocks = [...inputBlocks, middle, ...outputBlocks]
  const attentions = blocks.flatMap(({ parts }) =>
    parts.flatMap((part) => (part.kind === "transformer" ? part.blocks.map((block) => block.crossAttention) : [])),
  )
  return new Set(attentions.flatMap(({ k, v, out }) => [k.layer, v.layer, out.layer]))
}
