import type {
  AttentionParts,
  NetworkLayer,
  ResPart,
  TransformerBlockParts,
  TransformerPart,
  UnetBlockParts,
  UnetTree,
} from "@lllite/format"
import type { NormWeight } from "../../ops/ops.ts"
import type { PlacedConv, PlacedLinear } from "../placed.ts"
import type { UnetConfig } from "./config.ts"

export type AttentionParams = AttentionParts<PlacedLinear>
export type TransformerBlockParams = TransformerBlockParts<PlacedLinear, NormWeight>
export type ResParams = ResPart<PlacedLinear, PlacedConv, NormWeight>
export type TransformerParams = TransformerPart<PlacedLinear, NormWeight>

/** One of SDXL's numbered blocks: a few parts one after another. */
export type UnetBlock = UnetBlockParts<PlacedLinear, PlacedConv, NormWeight>

export interface UnetParams extends UnetTree<PlacedLinear, PlacedConv, NormWeight> {
  readonly config: UnetConfig
}

/** The layers of a block that multiply. */
export function* layersOfBlock(block: UnetBlock): Generator<NetworkLayer> {
  yield* placedLayers(block.parts)
}

function* placedLayers(tree: object): Generator<NetworkLayer> {
  for (const value of Object.values(tree) as unknown[]) {
    if (typeof value !== "object" || value === null) continue
    if (isPlaced(value)) yield value.layer
    else if (!("dispose" in value)) yield* placedLayers(value)
  }
}

function isPlaced(value: object): value is PlacedLinear {
  return "layer" in value && "weight" in value
}
