import type { Site } from "@lllite/format"
import { siteTable } from "@lllite/format"
import type { Conv2dWeight, LinearWeight, WeightLoader } from "../../ops/ops.ts"
import { unetOf } from "../layouts/parts.ts"
import type { BuildParams, WeightFile, WeightReader } from "../weight-reader.ts"
import { loadParams } from "../weight-reader.ts"
import type { UnetConfig } from "./config.ts"
import { inferUnetConfig, SIZE_EMBEDDING_DIM, UNET_PREFIX } from "./config.ts"
import type {
  AttentionParams,
  ConvLayer,
  Host,
  ResLayer,
  TransformerBlockParams,
  TransformerLayer,
  UnetBlock,
  UnetLayer,
  UnetParams,
} from "./params.ts"

/** Residual blocks of a level on the way down; one more on the way up. */
const RES_BLOCKS = 2

/**
 * Loads the U-Net of a checkpoint, or one in a file of its own, at any width; see `unetOf` for the layouts.
 *
 * @throws CoreError naming every tensor that is missing or has another shape
 */
export function loadUnet(file: WeightFile, loader: WeightLoader): Promise<UnetParams> {
  const unet = unetOf(file)
  const config = inferUnetConfig(unet)
  return loadParams("an SDXL U-Net", unet, loader, buildUnet(config))
}

/** How a U-Net of this config is put together from named tensors. */
export function buildUnet(config: UnetConfig): BuildParams<UnetParams> {
  return (reader) => readUnet(reader, config)
}

async function readUnet(reader: WeightReader, config: UnetConfig): Promise<UnetParams> {
  const { layout, contextDim, pooledDim, headDim, latentChannels } = config
  const sites = siteTable(layout).byPath
  const embeddingDim = 4 * layout.modelChannels
  const linear = (path: string, out: number, inner: number, bias = true): Promise<LinearWeight> =>
    reader.linear(UNET_PREFIX + path, out, inner, { bias })
  const norm = (path: string, width: number) => reader.norm(UNET_PREFIX + path, width)
  const site = (path: string): Site | null => sites.get(path) ?? null

  const linearHost = async (path: string, out: number, inner: number, bias = true): Promise<Host<LinearWeight>> => ({
    weight: await linear(path, out, inner, bias),
    site: site(path),
  })
  const convHost = async (path: string, out: number, inner: number, kernel = 3): Promise<Host<Conv2dWeight>> => ({
    weight: await reader.conv2d(UNET_PREFIX + path, out, inner, kernel),
    site: site(path),
  })
  const convLayer = async (kind: ConvLayer["kind"], path: string, out: number, inner: number): Promise<ConvLayer> => ({
    kind,
    conv: await convHost(path, out, inner),
  })

  const res = async (path: string, inner: number, out: number): Promise<ResLayer> => ({
    kind: "res",
    inNorm: await norm(`${path}.in_layers.0`, inner),
    inConv: await convHost(`${path}.in_layers.2`, out, inner),
    embedding: await linear(`${path}.emb_layers.1`, out, embeddingDim),
    outNorm: await norm(`${path}.out_layers.0`, out),
    outConv: await convHost(`${path}.out_layers.3`, out, out),
    skip: inner === out ? null : await convHost(`${path}.skip_connection`, out, inner, 1),
  })

  const attention = async (path: string, width: number, keyDim: number): Promise<AttentionParams> => ({
    q: await linearHost(`${path}.to_q`, width, width, false),
    k: await linearHost(`${path}.to_k`, width, keyDim, false),
    v: await linearHost(`${path}.to_v`, width, keyDim, false),
    out: await linearHost(`${path}.to_out.0`, width, width),
    heads: width / headDim,
  })
  const transformerBlock = async (path: string, width: number): Promise<TransformerBlockParams> => ({
    norm1: await norm(`${path}.norm1`, width),
    selfAttention: await attention(`${path}.attn1`, width, width),
    norm2: await norm(`${path}.norm2`, width),
    crossAttention: await attention(`${path}.attn2`, width, contextDim),
    norm3: await norm(`${path}.norm3`, width),
    feedIn: await linearHost(`${path}.ff.net.0.proj`, 8 * width, width),
    feedOut: await linearHost(`${path}.ff.net.2`, width, 4 * width),
  })
  const transformer = async (path: string, width: number, depth: number): Promise<TransformerLayer> => ({
    kind: "transformer",
    norm: await norm(`${path}.norm`, width),
    projIn: await linearHost(`${path}.proj_in`, width, width),
    blocks: await inOrder(range(depth), (i) => transformerBlock(`${path}.transformer_blocks.${i}`, width)),
    projOut: await linearHost(`${path}.proj_out`, width, width),
  })

  const widths = layout.channelMult.map((mult) => mult * layout.modelChannels)
  const [firstWidth = 0] = widths
  const inputBlocks: UnetBlock[] = [
    { name: "input 0", layers: [await convLayer("conv", "input_blocks.0.0", firstWidth, latentChannels)] },
  ]
  const skips = [firstWidth]
  let width = firstWidth
  for (const [level, levelWidth] of widths.entries()) {
    const depth = layout.transformerDepth[level] ?? 0
    for (let i = 0; i < RES_BLOCKS; i++) {
      const path = `input_blocks.${inputBlocks.length}`
      const layers: UnetLayer[] = [await res(`${path}.0`, width, levelWidth)]
      if (depth > 0) layers.push(await transformer(`${path}.1`, levelWidth, depth))
      inputBlocks.push({ name: `input ${inputBlocks.length}`, layers })
      skips.push(levelWidth)
      width = levelWidth
    }
    if (level === widths.length - 1) break
    const path = `input_blocks.${inputBlocks.length}.0.op`
    inputBlocks.push({
      name: `input ${inputBlocks.length}`,
      layers: [await convLayer("downsample", path, width, width)],
    })
    skips.push(width)
  }

  const middleLayers: UnetLayer[] = [await res("middle_block.0", width, width)]
  if (layout.middleDepth > 0) middleLayers.push(await transformer("middle_block.1", width, layout.middleDepth))
  middleLayers.push(await res(`middle_block.${middleLayers.length}`, width, width))

  const outputBlocks: UnetBlock[] = []
  for (const [level, levelWidth] of [...widths.entries()].reverse()) {
    const depth = layout.transformerDepth[level] ?? 0
    for (let i = 0; i <= RES_BLOCKS; i++) {
      const path = `output_blocks.${outputBlocks.length}`
      const layers: UnetLayer[] = [await res(`${path}.0`, width + (skips.pop() ?? 0), levelWidth)]
      if (depth > 0) layers.push(await transformer(`${path}.1`, levelWidth, depth))
      if (level > 0 && i === RES_BLOCKS) {
        layers.push(await convLayer("upsample", `${path}.${layers.length}.conv`, levelWidth, levelWidth))
      }
      outputBlocks.push({ name: `output ${outputBlocks.length}`, layers })
      width = levelWidth
    }
  }

  return {
    config,
    timeEmbedding: [
      await linear("time_embed.0", embeddingDim, layout.modelChannels),
      await linear("time_embed.2", embeddingDim, embeddingDim),
    ],
    labelEmbedding: [
      await linear("label_emb.0.0", embeddingDim, pooledDim + SIZE_EMBEDDING_DIM),
      await linear("label_emb.0.2", embeddingDim, embeddingDim),
    ],
    inputBlocks,
    middle: { name: "middle", layers: middleLayers },
    outputBlocks,
    outNorm: await norm("out.0", firstWidth),
    outConv: await reader.conv2d(`${UNET_PREFIX}out.2`, latentChannels, firstWidth, 3),
  }
}

/** One after another, so that no two tensors are in memory on their way to the device. */
async function inOrder<A, B>(items: Iterable<A>, load: (item: A) => Promise<B>): Promise<B[]> {
  const loaded: B[] = []
  for (const item of items) loaded.push(await load(item))
  return loaded
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}
