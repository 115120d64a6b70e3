import type { AttentionParts, TransformerBlockParts, UnetBlockParts, UnetLayer, UnetPart } from "@lllite/format"
import { unetFigure } from "@lllite/format"
import type { NormWeight, WeightLoader } from "../../ops/ops.ts"
import { checkLoader } from "../given.ts"
import { unetOf } from "../layouts/parts.ts"
import type { PlacedConv, PlacedLinear } from "../placed.ts"
import type { BuildParams, WeightFile, WeightReader } from "../weight-reader.ts"
import { loadParams } from "../weight-reader.ts"
import type { UnetConfig } from "./config.ts"
import { inferUnetConfig, UNET_PREFIX, unetWidths } from "./config.ts"
import type { AttentionParams, TransformerBlockParams, UnetBlock, UnetParams } from "./params.ts"

/**
 * Loads the U-Net of a checkpoint, or of a separate file, at any width. See `unetOf` for the layouts.
 *
 * @throws CoreError that names every tensor that is missing or has another shape
 */
export function loadUnet(file: WeightFile, loader: WeightLoader): Promise<UnetParams> {
  checkLoader("U-Net", loader)
  const unet = unetOf(file)
  const config = inferUnetConfig(unet)
  return loadParams("an SDXL U-Net", unet, loader, buildUnet(config))
}

/** Builds a U-Net of this config from named tensors: the table of its layers, with a weight at every layer. */
export function buildUnet(config: UnetConfig): BuildParams<UnetParams> {
  return (reader) => readUnet(reader, config)
}

async function readUnet(reader: WeightReader, config: UnetConfig): Promise<UnetParams> {
  const figure = unetFigure(config.layout, unetWidths(config))
  const read = layerReader(reader, UNET_PREFIX)
  const pair = async (layers: readonly [UnetLayer, UnetLayer]): Promise<[PlacedLinear, PlacedLinear]> => [
    await read.linear(layers[0]),
    await read.linear(layers[1]),
  ]
  const inputBlocks = await inOrder(figure.inputBlocks, (block) => readBlock(read, block))
  const middle = await readBlock(read, figure.middle)
  const outputBlocks = await inOrder(figure.outputBlocks, (block) => readBlock(read, block))
  return {
    config,
    timeEmbedding: await pair(figure.timeEmbedding),
    sizeEmbedding: await pair(figure.sizeEmbedding),
    inputBlocks,
    middle,
    outputBlocks,
    outNorm: await read.norm(figure.outNorm),
    outConv: await read.conv(figure.outConv),
  }
}

/** Reads the weight of a layer by its kind. */
export interface LayerReader {
  linear(layer: UnetLayer): Promise<PlacedLinear>
  conv(layer: UnetLayer): Promise<PlacedConv>
  norm(layer: UnetLayer): Promise<NormWeight>
}

/** A reader of the layers of a U-Net or a ControlNet. Their paths follow the prefix in a file. */
export function layerReader(reader: WeightReader, prefix: string): LayerReader {
  return {
    async linear(layer) {
      const { path, outDim, inDim, bias } = layer
      return { layer, weight: await reader.linear(prefix + path, outDim, inDim, { bias }) }
    },
    async conv(layer) {
      const { path, outDim, inDim, kernel } = layer
      return { layer, weight: await reader.conv2d(prefix + path, outDim, inDim, kernel) }
    },
    norm: ({ path, outDim }) => reader.norm(prefix + path, outDim),
  }
}

type BlockFigure = UnetBlockParts<UnetLayer, UnetLayer, UnetLayer>
type PartFigure = UnetPart<UnetLayer, UnetLayer, UnetLayer>

/** Reads one numbered block. */
export async function readBlock(read: LayerReader, { name, parts }: BlockFigure): Promise<UnetBlock> {
  return { name, parts: await inOrder(parts, (part) => readPart(read, part)) }
}

async function readPart(read: LayerReader, part: PartFigure): Promise<UnetBlock["parts"][number]> {
  switch (part.kind) {
    case "res":
      return {
        kind: part.kind,
        inNorm: await read.norm(part.inNorm),
        inConv: await read.conv(part.inConv),
        embedding: await read.linear(part.embedding),
        outNorm: await read.norm(part.outNorm),
        outConv: await read.conv(part.outConv),
        skip: part.skip === null ? null : await read.conv(part.skip),
      }
    case "transformer":
      return {
        kind: part.kind,
        norm: await read.norm(part.norm),
        projIn: await read.linear(part.projIn),
        blocks: await inOrder(part.blocks, (block) => readTransformerBlock(read, block)),
        projOut: await read.linear(part.projOut),
      }
    default:
      return { kind: part.kind, conv: await read.conv(part.conv) }
  }
}

async function readTransformerBlock(
  read: LayerReader,
  block: TransformerBlockParts<UnetLayer, UnetLayer>,
): Promise<TransformerBlockParams> {
  return {
    selfAttention: await readAttention(read, block.selfAttention),
    feedIn: await read.linear(block.feedIn),
    feedOut: await read.linear(block.feedOut),
    crossAttention: await readAttention(read, block.crossAttention),
    norm1: await read.norm(block.norm1),
    norm2: await read.norm(block.norm2),
    norm3: await read.norm(block.norm3),
  }
}

async function readAttention(read: LayerReader, { q, k, v, out }: AttentionParts<UnetLayer>): Promise<AttentionParams> {
  return { q: await read.linear(q), k: await read.linear(k), v: await read.linear(v), out: await read.linear(out) }
}

/** Loads one after another, so that memory never holds two tensors on their way to the device. */
export async function inOrder<A, B>(items: Iterable<A>, load: (item: A) => Promise<B>): Promise<B[]> {
  const loaded: B[] = []
  for (const item of items) loaded.push(await load(item))
  return loaded
}
