import type {
  AttentionParts,
  NetworkLayer,
  ResPart,
  TransformerBlockParts,
  TransformerPart,
  UnetBlockParts,
  UnetTree,
} from "@lllite/format"
import type { NormWeight, Weight } from "../../ops/ops.ts"
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
export function layersOfBlock(block: UnetBlock): readonly NetworkLayer[] {
  return placesOf(block.parts).layers
}

/** What a part of a network consists of. */
export interface PartPlaces {
  /** The layers that multiply. */
  readonly layers: readonly NetworkLayer[]
  /** All weights, norms included. */
  readonly weights: readonly Weight[]
}

/** Parts never change, and are asked in every pass. */
const known = new WeakMap<object, PartPlaces>()

/** The layers and weights of a part, in the order of its properties. */
export function placesOf(tree: object): PartPlaces {
  const before = known.get(tree)
  if (before !== undefined) return before
  const places: { layers: NetworkLayer[]; weights: Weight[] } = { layers: [], weights: [] }
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return
    if (isPlaced(value)) {
      places.layers.push(value.layer)
      places.weights.push(value.weight)
    } else if ("dispose" in value) places.weights.push(value as Weight)
    else for (const inner of Object.values(value)) visit(inner)
  }
  visit(tree)
  known.set(tree, places)
  return places
}

function isPlaced(value: object): value is PlacedLinear {
  return "layer" in value && "weight" in value
}
