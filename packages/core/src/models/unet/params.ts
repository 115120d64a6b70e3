import type { Site } from "@lllite/format"
import type { Conv2dWeight, LinearWeight, NormWeight } from "../../ops/ops.ts"
import type { UnetConfig } from "./config.ts"

/** A layer whose input an adapter may change. */
export interface Host<W extends LinearWeight | Conv2dWeight> {
  readonly weight: W
  /** Null where no adapter may attach: the text-shaped inputs of cross-attention, and the first convolution. */
  readonly site: Site | null
}

export interface AttentionParams {
  readonly q: Host<LinearWeight>
  readonly k: Host<LinearWeight>
  readonly v: Host<LinearWeight>
  readonly out: Host<LinearWeight>
  readonly heads: number
}

export interface TransformerBlockParams {
  readonly norm1: NormWeight
  readonly selfAttention: AttentionParams
  readonly norm2: NormWeight
  readonly crossAttention: AttentionParams
  readonly norm3: NormWeight
  readonly feedIn: Host<LinearWeight>
  readonly feedOut: Host<LinearWeight>
}

export interface ConvLayer {
  readonly kind: "conv" | "downsample" | "upsample"
  readonly conv: Host<Conv2dWeight>
}

export interface ResLayer {
  readonly kind: "res"
  readonly inNorm: NormWeight
  readonly inConv: Host<Conv2dWeight>
  readonly embedding: LinearWeight
  readonly outNorm: NormWeight
  readonly outConv: Host<Conv2dWeight>
  /** 1×1, where the channels change. */
  readonly skip: Host<Conv2dWeight> | null
}

export interface TransformerLayer {
  readonly kind: "transformer"
  readonly norm: NormWeight
  readonly projIn: Host<LinearWeight>
  readonly blocks: readonly TransformerBlockParams[]
  readonly projOut: Host<LinearWeight>
}

export type UnetLayer = ConvLayer | ResLayer | TransformerLayer

/** One of SDXL's numbered blocks: a few layers one after another. */
export interface UnetBlock {
  /** `input 4`, `middle`, `output 0` */
  readonly name: string
  readonly layers: readonly UnetLayer[]
}

export interface UnetParams {
  readonly config: UnetConfig
  readonly timeEmbedding: readonly [LinearWeight, LinearWeight]
  readonly labelEmbedding: readonly [LinearWeight, LinearWeight]
  readonly inputBlocks: readonly UnetBlock[]
  readonly middle: UnetBlock
  readonly outputBlocks: readonly UnetBlock[]
  readonly outNorm: NormWeight
  readonly outConv: Conv2dWeight
}

/** The sites at which a block may be fed. */
export function* sitesOfBlock(block: UnetBlock): Generator<Site> {
  for (const host of hostsOf(block.layers)) if (host.site !== null) yield host.site
}

function* hostsOf(tree: object): Generator<Host<LinearWeight>> {
  for (const value of Object.values(tree) as unknown[]) {
    if (typeof value !== "object" || value === null) continue
    if ("site" in value && "weight" in value) yield value as Host<LinearWeight>
    else if (!("dispose" in value)) yield* hostsOf(value)
  }
}
