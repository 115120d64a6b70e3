import { expectLayout } from "../argument.ts"
import type { UnetBlockName, UnetLayer, UnetRole, UnetSection } from "./unet-layer.ts"
import type { UnetLayout } from "./unet-layout.ts"
import { checkLayout } from "./unet-layout.ts"

/** Widths at the ends of a U-Net, which its layout does not have. */
export interface UnetWidths {
  /** Input channels: 4, or 9 of a checkpoint for inpainting. */
  readonly inChannels: number
  /** Output channels. */
  readonly outChannels: number
  /** Width of the text context, which is both encoders side by side. */
  readonly contextDim: number
  /** Width of the pooled text and the size embedding together. */
  readonly vectorDim: number
}

export const SDXL_WIDTHS: UnetWidths = Object.freeze({
  inChannels: 4,
  outChannels: 4,
  contextDim: 2048,
  vectorDim: 2816,
})

export interface AttentionParts<Linear> {
  readonly q: Linear
  readonly k: Linear
  readonly v: Linear
  readonly out: Linear
}

export interface TransformerBlockParts<Linear, Norm> {
  readonly selfAttention: AttentionParts<Linear>
  readonly feedIn: Linear
  readonly feedOut: Linear
  readonly crossAttention: AttentionParts<Linear>
  readonly norm1: Norm
  readonly norm2: Norm
  readonly norm3: Norm
}

export interface ConvPart<Conv> {
  readonly kind: "conv" | "downsample" | "upsample"
  readonly conv: Conv
}

export interface ResPart<Linear, Conv, Norm> {
  readonly kind: "res"
  readonly inNorm: Norm
  readonly inConv: Conv
  readonly embedding: Linear
  readonly outNorm: Norm
  readonly outConv: Conv
  /** A 1×1 convolution. Null if the number of channels stays. */
  readonly skip: Conv | null
}

export interface TransformerPart<Linear, Norm> {
  readonly kind: "transformer"
  readonly norm: Norm
  readonly projIn: Linear
  readonly blocks: readonly TransformerBlockParts<Linear, Norm>[]
  readonly projOut: Linear
}

export type UnetPart<Linear, Conv, Norm> = ConvPart<Conv> | ResPart<Linear, Conv, Norm> | TransformerPart<Linear, Norm>

/** One of SDXL's numbered blocks: a few parts one after another. */
export interface UnetBlockParts<Linear, Conv, Norm> {
  /** `input 4`, `middle`, `output 0` */
  readonly name: UnetBlockName
  readonly parts: readonly UnetPart<Linear, Conv, Norm>[]
}

/** A U-Net as a tree of its layers, in the order of a checkpoint. The type parameters are the leaves for layers. */
export interface UnetTree<Linear, Conv, Norm> {
  readonly timeEmbedding: readonly [Linear, Linear]
  readonly sizeEmbedding: readonly [Linear, Linear]
  readonly inputBlocks: readonly UnetBlockParts<Linear, Conv, Norm>[]
  readonly middle: UnetBlockParts<Linear, Conv, Norm>
  readonly outputBlocks: readonly UnetBlockParts<Linear, Conv, Norm>[]
  readonly outNorm: Norm
  readonly outConv: Conv
}

/** The tree of a U-Net's layers. */
export type UnetFigure = UnetTree<UnetLayer, UnetLayer, UnetLayer>

type BlockFigure = UnetBlockParts<UnetLayer, UnetLayer, UnetLayer>
type PartFigure = UnetPart<UnetLayer, UnetLayer, UnetLayer>

/** Residual blocks of a level on the way down. The way up has one more. */
const RES_BLOCKS = 2

/**
 * Makes the tree of a layout's U-Net. All code gets a layer's name, place and width from here.
 * Source: sd-scripts `library/sdxl_original_unet.py`; diffusers `UNet2DConditionModel`.
 *
 * @throws FormatError `layout`
 */
export function unetFigure(layout: UnetLayout, widths: UnetWidths = SDXL_WIDTHS): UnetFigure {
  expectLayout(layout)
  checkLayout(layout)
  const levels = layout.channelMult.map((mult) => mult * layout.modelChannels)
  const [firstWidth = 0] = levels
  const last = levels.length - 1
  const embeddingDim = 4 * layout.modelChannels
  const draw = { embeddingDim, contextDim: widths.contextDim }

  // Way down: block 0 is the first convolution. Then come two residual blocks for each level, with a downsampler
  // between levels.
  const inputBlocks: BlockFigure[] = []
  const skips: number[] = []
  const nextInput = (): Place => place("input", inputBlocks.length)
  const addInput = (at: Place, parts: readonly PartFigure[], width: number): void => {
    inputBlocks.push({ name: at.block, parts })
    skips.push(width)
  }
  const first = nextInput()
  addInput(first, [convPart(first, "conv", "0", "conv_in", widths.inChannels, firstWidth)], firstWidth)
  let width = firstWidth
  for (const [level, levelWidth] of levels.entries()) {
    const depth = layout.transformerDepth[level] ?? 0
    for (let i = 0; i < RES_BLOCKS; i++) {
      const at = nextInput()
      const parts: PartFigure[] = [resPart(at, 0, `down_blocks.${level}.resnets.${i}`, width, levelWidth, draw)]
      if (depth > 0) parts.push(transformerPart(at, `down_blocks.${level}.attentions.${i}`, levelWidth, depth, draw))
      addInput(at, parts, levelWidth)
      width = levelWidth
    }
    if (level === last) break
    const at = nextInput()
    const name = `down_blocks.${level}.downsamplers.0.conv`
    addInput(at, [convPart(at, "downsample", "0.op", name, width, width)], width)
  }

  const at = place("middle", 0)
  const middle: PartFigure[] = [resPart(at, 0, "mid_block.resnets.0", width, width, draw)]
  if (layout.middleDepth > 0) {
    middle.push(transformerPart(at, "mid_block.attentions.0", width, layout.middleDepth, draw))
  }
  middle.push(resPart(at, middle.length, "mid_block.resnets.1", width, width, draw))

  // Way up: every block reads the output so far and the matching block's output from the way down.
  const outputBlocks: BlockFigure[] = []
  for (const [level, levelWidth] of [...levels.entries()].reverse()) {
    const depth = layout.transformerDepth[level] ?? 0
    const up = `up_blocks.${last - level}`
    for (let i = 0; i <= RES_BLOCKS; i++) {
      const at = place("output", outputBlocks.length)
      const from = width + (skips.pop() ?? 0)
      const parts: PartFigure[] = [resPart(at, 0, `${up}.resnets.${i}`, from, levelWidth, draw)]
      if (depth > 0) parts.push(transformerPart(at, `${up}.attentions.${i}`, levelWidth, depth, draw))
      if (level > 0 && i === RES_BLOCKS) {
        const child = `${parts.length}.conv`
        parts.push(convPart(at, "upsample", child, `${up}.upsamplers.0.conv`, levelWidth, levelWidth))
      }
      outputBlocks.push({ name: at.block, parts })
      width = levelWidth
    }
  }

  const before: Place = { section: "embedding", block: "embedding", blockIndex: 0, root: "" }
  const after: Place = { ...before, section: "end", block: "end" }
  const embed = (role: UnetRole, path: string, diffusersPath: string, inDim: number): UnetLayer =>
    linear(before, { role, path, diffusersPath, inDim, outDim: embeddingDim })
  return {
    timeEmbedding: [
      embed("time1", "time_embed.0", "time_embedding.linear_1", layout.modelChannels),
      embed("time2", "time_embed.2", "time_embedding.linear_2", embeddingDim),
    ],
    sizeEmbedding: [
      embed("size1", "label_emb.0.0", "add_embedding.linear_1", widths.vectorDim),
      embed("size2", "label_emb.0.2", "add_embedding.linear_2", embeddingDim),
    ],
    inputBlocks,
    middle: { name: "middle", parts: middle },
    outputBlocks,
    outNorm: norm(after, "last-norm", "out.0", "conv_norm_out", firstWidth),
    outConv: conv(after, {
      ...{ role: "last-conv", path: "out.2", diffusersPath: "conv_out" },
      ...{ inDim: firstWidth, outDim: widths.outChannels },
    }),
  }
}

/** A block, with the prefix of its layers' paths. */
interface Place {
  readonly section: UnetSection
  readonly block: UnetBlockName
  readonly blockIndex: number
  readonly root: string
}

function place(section: "input" | "middle" | "output", blockIndex: number): Place {
  return section === "middle"
    ? { section, block: "middle", blockIndex, root: "middle_block." }
    : { section, block: `${section} ${blockIndex}`, blockIndex, root: `${section}_blocks.${blockIndex}.` }
}

/** Widths that layers inside a block read from outside it. */
interface Outside {
  readonly embeddingDim: number
  readonly contextDim: number
}

function resPart(
  at: Place,
  child: number,
  diffusers: string,
  from: number,
  to: number,
  { embeddingDim }: Outside,
): ResPart<UnetLayer, UnetLayer, UnetLayer> {
  const path = (tail: string, diffusersTail: string) => ({
    path: `${child}.${tail}`,
    diffusersPath: `${diffusers}.${diffusersTail}`,
  })
  return {
    kind: "res",
    inNorm: norm(at, "in-norm", `${child}.in_layers.0`, `${diffusers}.norm1`, from),
    inConv: conv(at, { role: "conv1", ...path("in_layers.2", "conv1"), inDim: from, outDim: to }),
    embedding: linear(at, {
      ...{ role: "embedding", ...path("emb_layers.1", "time_emb_proj"), inDim: embeddingDim, outDim: to },
    }),
    outNorm: norm(at, "out-norm", `${child}.out_layers.0`, `${diffusers}.norm2`, to),
    outConv: conv(at, { role: "conv2", ...path("out_layers.3", "conv2"), inDim: to, outDim: to }),
    skip:
      from === to
        ? null
        : conv(at, { role: "skip", ...path("skip_connection", "conv_shortcut"), inDim: from, outDim: to, kernel: 1 }),
  }
}

function convPart(
  at: Place,
  kind: "conv" | "downsample" | "upsample",
  path: string,
  diffusersPath: string,
  inDim: number,
  outDim: number,
): ConvPart<UnetLayer> {
  const role = kind === "conv" ? "first-conv" : kind
  return { kind, conv: conv(at, { role, path, diffusersPath, inDim, outDim, stride: kind === "downsample" ? 2 : 1 }) }
}

/** A transformer is always the second part of its block, and its layers have the same names in every block. */
function transformerPart(
  at: Place,
  diffusers: string,
  width: number,
  depth: number,
  outside: Outside,
): TransformerPart<UnetLayer, UnetLayer> {
  const names = (tail: string) => ({ path: `1.${tail}`, diffusersPath: `${diffusers}.${tail}` })
  return {
    kind: "transformer",
    norm: norm(at, "norm", "1.norm", `${diffusers}.norm`, width),
    projIn: linear(at, { role: "proj-in", ...names("proj_in"), inDim: width, outDim: width }),
    blocks: Array.from({ length: depth }, (_, index) => transformerBlock(at, diffusers, index, width, outside)),
    projOut: linear(at, { role: "proj-out", ...names("proj_out"), inDim: width, outDim: width }),
  }
}

function transformerBlock(
  at: Place,
  diffusers: string,
  index: number,
  width: number,
  { contextDim }: Outside,
): TransformerBlockParts<UnetLayer, UnetLayer> {
  const names = (tail: string) => ({
    path: `1.transformer_blocks.${index}.${tail}`,
    diffusersPath: `${diffusers}.transformer_blocks.${index}.${tail}`,
  })
  const attention = (name: "attn1" | "attn2", keyDim: number): AttentionParts<UnetLayer> => {
    const of = (role: "q" | "k" | "v" | "out", inDim: number): UnetLayer =>
      linear(at, {
        ...names(`${name}.to_${role === "out" ? "out.0" : role}`),
        ...{ role, inDim, outDim: width, bias: role === "out", index, attention: name === "attn1" ? "self" : "cross" },
      })
    return { q: of("q", width), k: of("k", keyDim), v: of("v", keyDim), out: of("out", width) }
  }
  const normOf = (role: "norm1" | "norm2" | "norm3"): UnetLayer => {
    const { path, diffusersPath } = names(role)
    return { ...norm(at, role, path, diffusersPath, width), index }
  }
  return {
    selfAttention: attention("attn1", width),
    feedIn: linear(at, { role: "ff-in", ...names("ff.net.0.proj"), inDim: width, outDim: 8 * width, index }),
    feedOut: linear(at, { role: "ff-out", ...names("ff.net.2"), inDim: 4 * width, outDim: width, index }),
    crossAttention: attention("attn2", contextDim),
    norm1: normOf("norm1"),
    norm2: normOf("norm2"),
    norm3: normOf("norm3"),
  }
}

type LayerFields = Pick<UnetLayer, "role" | "path" | "diffusersPath" | "inDim" | "outDim">

function linear(at: Place, fields: LayerFields & Partial<Pick<UnetLayer, "bias" | "index" | "attention">>): UnetLayer {
  return layer(at, { ...SINGLE, kind: "linear", ...fields })
}

function conv(at: Place, fields: LayerFields & Partial<Pick<UnetLayer, "kernel" | "stride">>): UnetLayer {
  return layer(at, { ...SINGLE, kind: "conv", kernel: 3, ...fields })
}

function norm(at: Place, role: UnetRole, path: string, diffusersPath: string, width: number): UnetLayer {
  return layer(at, { ...SINGLE, kind: "norm", role, path, diffusersPath, inDim: width, outDim: width })
}

const SINGLE = { kernel: 1, stride: 1, bias: true, index: null, attention: null } as const

function layer(
  { section, block, blockIndex, root }: Place,
  fields: Omit<UnetLayer, "network" | "section" | "block" | "blockIndex">,
): UnetLayer {
  return { network: "unet", section, block, blockIndex, ...fields, path: root + fields.path }
}
