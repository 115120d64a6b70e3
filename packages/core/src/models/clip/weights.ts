import type { NetworkLayer } from "@lllite/format"
import { textBlockFigure } from "@lllite/format"
import type { LinearWeight, NormWeight, TableWeight, WeightLoader } from "../../ops/ops.ts"
import { checkLoader } from "../given.ts"
import type { PlacedLinear } from "../placed.ts"
import type { BuildParams, WeightFile, WeightReader } from "../weight-reader.ts"
import { loadParams } from "../weight-reader.ts"
import type { TextEncoderConfig } from "./config.ts"
import { TEXT1_PREFIX, TEXT2_PREFIX } from "./config.ts"

export interface TextLayerParams {
  readonly norm1: NormWeight
  /** Queries, keys and values as one layer. */
  readonly qkv: { readonly weight: LinearWeight; readonly layers: readonly [NetworkLayer, NetworkLayer, NetworkLayer] }
  readonly out: PlacedLinear
  readonly norm2: NormWeight
  readonly feedIn: PlacedLinear
  readonly feedOut: PlacedLinear
}

export interface TextEncoderParams {
  readonly config: TextEncoderConfig
  readonly tokens: TableWeight
  readonly positions: TableWeight
  readonly layers: readonly TextLayerParams[]
  readonly finalNorm: NormWeight
  readonly projection: LinearWeight | null
  /** Vectors of textual inversions, whose ids follow the vocabulary. [count, width], row-major. Default: none. */
  readonly added?: Float32Array
}

/**
 * How pooled text is projected. `checkpoint` multiplies by the projection as it is stored, as Stability's code, diffusers
 * and ComfyUI do. `sd-scripts` leaves out the transpose of checkpoints in one file, so that pooled text is what
 * sd-scripts trains and draws with. A diffusers folder is projected in the first way, as it is there, too.
 */
export type TextProjection = "checkpoint" | "sd-scripts"

export interface TextLoadOptions {
  /** Default: `checkpoint`. */
  readonly projection?: TextProjection
}

/**
 * Loads SDXL's first encoder (CLIP ViT-L in the names of transformers). It is not rounded to float16: it runs once for a
 * prompt, and its errors are in every step.
 *
 * @throws CoreError that names every tensor that is missing or has another shape
 */
export function loadText1(
  file: WeightFile,
  loader: WeightLoader,
  config: TextEncoderConfig,
): Promise<TextEncoderParams> {
  checkLoader("text encoder", loader)
  return loadParams("SDXL's first text encoder", file, loader.wide ?? loader, buildText1(config))
}

/** Builds the first encoder from named tensors. */
export function buildText1(config: TextEncoderConfig): BuildParams<TextEncoderParams> {
  return (reader) => readText1(reader, config)
}

/**
 * Loads SDXL's second encoder (OpenCLIP ViT-bigG), as {@link loadText1} does.
 *
 * @throws CoreError that names every tensor that is missing or has another shape
 */
export function loadText2(
  file: WeightFile,
  loader: WeightLoader,
  config: TextEncoderConfig,
  options: TextLoadOptions = {},
): Promise<TextEncoderParams> {
  checkLoader("text encoder", loader)
  return loadParams("SDXL's second text encoder", file, loader.wide ?? loader, buildText2(config, options))
}

/** Builds the second encoder from named tensors. */
export function buildText2(config: TextEncoderConfig, options: TextLoadOptions = {}): BuildParams<TextEncoderParams> {
  return (reader) => readText2(reader, config, options)
}

async function readText1(reader: WeightReader, config: TextEncoderConfig): Promise<TextEncoderParams> {
  const { width, vocabulary, positions } = config
  const layers: TextLayerParams[] = []
  for (let i = 0; i < config.layers; i++) {
    const path = `${TEXT1_PREFIX}encoder.layers.${i}`
    const { q, k, v, out, feedIn, feedOut } = textBlockFigure("text1", i, width)
    // These names are those of transformers, as in the table of layers.
    const linear = async (layer: NetworkLayer): Promise<PlacedLinear> => ({
      layer,
      weight: await reader.linear(TEXT1_PREFIX + layer.path, layer.outDim, layer.inDim),
    })
    const joined = [q, k, v].map((layer) => TEXT1_PREFIX + layer.path)
    layers.push({
      norm1: await reader.norm(`${path}.layer_norm1`, width),
      qkv: { layers: [q, k, v], weight: await reader.joined(joined, width, width) },
      out: await linear(out),
      norm2: await reader.norm(`${path}.layer_norm2`, width),
      feedIn: await linear(feedIn),
      feedOut: await linear(feedOut),
    })
  }
  return {
    config,
    tokens: await reader.table(`${TEXT1_PREFIX}embeddings.token_embedding.weight`, vocabulary, width),
    positions: await reader.table(`${TEXT1_PREFIX}embeddings.position_embedding.weight`, positions, width),
    layers,
    finalNorm: await reader.norm(`${TEXT1_PREFIX}final_layer_norm`, width),
    projection: null,
  }
}

async function readText2(
  reader: WeightReader,
  config: TextEncoderConfig,
  { projection = "checkpoint" }: TextLoadOptions,
): Promise<TextEncoderParams> {
  const { width, vocabulary, positions } = config
  const layers: TextLayerParams[] = []
  for (let i = 0; i < config.layers; i++) {
    const path = `${TEXT2_PREFIX}transformer.resblocks.${i}`
    const { q, k, v, out, feedIn, feedOut } = textBlockFigure("text2", i, width)
    // Names of open_clip. The table of layers has those of transformers.
    const linear = async (layer: NetworkLayer, name: string): Promise<PlacedLinear> => ({
      layer,
      weight: await reader.linear(`${path}.${name}`, layer.outDim, layer.inDim),
    })
    const qkv = await reader.matrix(`${path}.attn.in_proj_weight`, `${path}.attn.in_proj_bias`, 3 * width, width)
    layers.push({
      norm1: await reader.norm(`${path}.ln_1`, width),
      qkv: { layers: [q, k, v], weight: qkv },
      out: await linear(out, "attn.out_proj"),
      norm2: await reader.norm(`${path}.ln_2`, width),
      feedIn: await linear(feedIn, "mlp.c_fc"),
      feedOut: await linear(feedOut, "mlp.c_proj"),
    })
  }
  const stored = projection === "checkpoint"
  return {
    config,
    tokens: await reader.table(`${TEXT2_PREFIX}token_embedding.weight`, vocabulary, width),
    positions: await reader.table(`${TEXT2_PREFIX}positional_embedding`, positions, width),
    layers,
    finalNorm: await reader.norm(`${TEXT2_PREFIX}ln_final`, width),
    projection: await reader.matrix(`${TEXT2_PREFIX}text_projection`, null, config.projection ?? width, width, stored),
  }
}
