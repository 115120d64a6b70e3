import type { Conv2dWeight, LinearWeight, NormWeight, WeightLoader } from "../../ops/ops.ts"
import { checkLoader } from "../given.ts"
import { vaeOf } from "../layouts/parts.ts"
import type { BuildParams, WeightFile, WeightReader } from "../weight-reader.ts"
import { loadParams } from "../weight-reader.ts"
import type { VaeConfig } from "./config.ts"
import { inferVaeConfig, VAE_PREFIX } from "./config.ts"

export interface VaeResBlock {
  readonly norm1: NormWeight
  readonly conv1: Conv2dWeight
  readonly norm2: NormWeight
  readonly conv2: Conv2dWeight
  readonly skip: Conv2dWeight | null
}

export interface VaeAttention {
  readonly norm: NormWeight
  readonly q: LinearWeight
  readonly k: LinearWeight
  readonly v: LinearWeight
  readonly out: LinearWeight
}

export interface VaeMiddle {
  readonly block1: VaeResBlock
  readonly attention: VaeAttention
  readonly block2: VaeResBlock
}

export interface VaeLevel {
  readonly blocks: readonly VaeResBlock[]
  /** Halves the size in the encoder, and follows the doubling in the decoder. Null at the last level. */
  readonly resample: Conv2dWeight | null
}

/** The encoder or the decoder. Levels are in the order they run. */
export interface VaeCoderParams {
  readonly inConv: Conv2dWeight
  readonly levels: readonly VaeLevel[]
  readonly middle: VaeMiddle
  readonly outNorm: NormWeight
  readonly outConv: Conv2dWeight
}

export interface VaeParams {
  readonly config: VaeConfig
  readonly encoder: VaeCoderParams
  readonly decoder: VaeCoderParams
  /** The 1×1 convolutions before and after the latents. */
  readonly quant: Conv2dWeight
  readonly postQuant: Conv2dWeight
}

/**
 * Loads the autoencoder of a checkpoint, or of a separate file. See `vaeOf` for the layouts. Its values may exceed
 * float16's range.
 *
 * @throws CoreError that names every tensor that is missing or has another shape
 */
export function loadVae(file: WeightFile, loader: WeightLoader): Promise<VaeParams> {
  checkLoader("VAE", loader)
  const vae = vaeOf(file)
  const config = inferVaeConfig(vae)
  return loadParams("a VAE", vae, loader.wide ?? loader, buildVae(config))
}

/** Builds a VAE of this config from named tensors. */
export function buildVae(config: VaeConfig): BuildParams<VaeParams> {
  return (reader) => readVae(reader, config)
}

async function readVae(reader: WeightReader, config: VaeConfig): Promise<VaeParams> {
  const { latentChannels } = config
  return {
    config,
    encoder: await readEncoder(reader, config),
    decoder: await readDecoder(reader, config),
    quant: await reader.conv2d(`${VAE_PREFIX}quant_conv`, 2 * latentChannels, 2 * latentChannels, 1),
    postQuant: await reader.conv2d(`${VAE_PREFIX}post_quant_conv`, latentChannels, latentChannels, 1),
  }
}

async function readEncoder(reader: WeightReader, config: VaeConfig): Promise<VaeCoderParams> {
  const path = `${VAE_PREFIX}encoder`
  const { channels, resBlocks, latentChannels } = config
  const [first = 0] = channels
  const inConv = await reader.conv2d(`${path}.conv_in`, first, 3, 3)
  const levels: VaeLevel[] = []
  let width = first
  for (const [level, out] of channels.entries()) {
    const blocks: VaeResBlock[] = []
    for (let i = 0; i < resBlocks; i++) {
      blocks.push(await readResBlock(reader, `${path}.down.${level}.block.${i}`, width, out))
      width = out
    }
    const last = level === channels.length - 1
    const resample = last ? null : await reader.conv2d(`${path}.down.${level}.downsample.conv`, out, out, 3)
    levels.push({ blocks, resample })
  }
  return {
    inConv,
    levels,
    middle: await readMiddle(reader, path, width),
    outNorm: await reader.norm(`${path}.norm_out`, width),
    outConv: await reader.conv2d(`${path}.conv_out`, 2 * latentChannels, width, 3),
  }
}

async function readDecoder(reader: WeightReader, config: VaeConfig): Promise<VaeCoderParams> {
  const path = `${VAE_PREFIX}decoder`
  const { channels, resBlocks, latentChannels } = config
  let width = channels[channels.length - 1] ?? 0
  const inConv = await reader.conv2d(`${path}.conv_in`, width, latentChannels, 3)
  const middle = await readMiddle(reader, path, width)
  const levels: VaeLevel[] = []
  for (const [level, out] of [...channels.entries()].reverse()) {
    const blocks: VaeResBlock[] = []
    for (let i = 0; i <= resBlocks; i++) {
      blocks.push(await readResBlock(reader, `${path}.up.${level}.block.${i}`, width, out))
      width = out
    }
    const resample = level === 0 ? null : await reader.conv2d(`${path}.up.${level}.upsample.conv`, out, out, 3)
    levels.push({ blocks, resample })
  }
  return {
    inConv,
    levels,
    middle,
    outNorm: await reader.norm(`${path}.norm_out`, width),
    outConv: await reader.conv2d(`${path}.conv_out`, 3, width, 3),
  }
}

async function readMiddle(reader: WeightReader, path: string, width: number): Promise<VaeMiddle> {
  const attention = `${path}.mid.attn_1`
  return {
    block1: await readResBlock(reader, `${path}.mid.block_1`, width, width),
    attention: {
      norm: await reader.norm(`${attention}.norm`, width),
      q: await reader.pointwise(`${attention}.q`, width, width),
      k: await reader.pointwise(`${attention}.k`, width, width),
      v: await reader.pointwise(`${attention}.v`, width, width),
      out: await reader.pointwise(`${attention}.proj_out`, width, width),
    },
    block2: await readResBlock(reader, `${path}.mid.block_2`, width, width),
  }
}

async function readResBlock(reader: WeightReader, path: string, inner: number, out: number): Promise<VaeResBlock> {
  return {
    norm1: await reader.norm(`${path}.norm1`, inner),
    conv1: await reader.conv2d(`${path}.conv1`, out, inner, 3),
    norm2: await reader.norm(`${path}.norm2`, out),
    conv2: await reader.conv2d(`${path}.conv2`, out, out, 3),
    skip: inner === out ? null : await reader.conv2d(`${path}.nin_shortcut`, out, inner, 1),
  }
}
