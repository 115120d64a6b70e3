import type { UnetLayout, UnetWidths } from "@lllite/format"
import { SDXL_LAYOUT } from "@lllite/format"
import { SIZE_EMBEDDING_DIM } from "../../diffusion/size-embedding.ts"
import { CoreError } from "../../errors.ts"
import { checkFile } from "../given.ts"
import type { WeightFile } from "../weight-reader.ts"

/** Channels of one attention head in SDXL. A checkpoint does not contain this number. */
export const HEAD_DIM = 64

/** An SDXL U-Net of any width. */
export interface UnetConfig {
  readonly layout: UnetLayout
  /** Width of the text context, which is both encoders side by side. */
  readonly contextDim: number
  /** Width of the pooled text embedding. The size embedding follows it in `vector`. */
  readonly pooledDim: number
  /** Channels of one attention head. */
  readonly headDim: number
  /** Input channels: those of the latents. A checkpoint for inpainting adds those of the mask and of the picture. */
  readonly inChannels: number
  /** Output channels: those of the latents. */
  readonly outChannels: number
}

export const SDXL_UNET: UnetConfig = Object.freeze({
  layout: SDXL_LAYOUT,
  contextDim: 2048,
  pooledDim: 1280,
  headDim: HEAD_DIM,
  inChannels: 4,
  outChannels: 4,
})

/** Width of the vector condition: pooled text, then the size embedding. */
export function vectorDimOf({ pooledDim }: Pick<UnetConfig, "pooledDim">): number {
  return pooledDim + SIZE_EMBEDDING_DIM
}

/** The widths of a config that the table of layers needs. */
export function unetWidths(config: UnetConfig): UnetWidths {
  const { inChannels, outChannels, contextDim } = config
  return { inChannels, outChannels, contextDim, vectorDim: vectorDimOf(config) }
}

/** The prefix of the U-Net's names in a checkpoint of the Stability layout. */
export const UNET_PREFIX = "model.diffusion_model."

/**
 * Reads widths and depths from a checkpoint's names and shapes.
 *
 * @throws CoreError if the file holds no U-Net of SDXL's structure
 */
export function inferUnetConfig(file: WeightFile): UnetConfig {
  checkFile("U-Net", file)
  const shape = (name: string): readonly number[] => {
    const entry = file.entries.get(UNET_PREFIX + name)
    if (entry === undefined) {
      throw new CoreError(
        "checkpoint-part",
        `${file.label} holds no SDXL U-Net: "${UNET_PREFIX + name}" is missing. Is this an SDXL checkpoint in the Stability layout?`,
      )
    }
    return entry.shape
  }
  const depth = (transformer: string): number => {
    let blocks = 0
    while (file.entries.has(`${UNET_PREFIX}${transformer}.transformer_blocks.${blocks}.norm1.weight`)) blocks++
    return blocks
  }
  const width = (norm: string): number => shape(norm)[0] ?? 0
  const [modelChannels = 0, inChannels = 0] = shape("input_blocks.0.0.weight")
  const mult = (channels: number): number => channels / modelChannels
  return {
    layout: {
      modelChannels,
      channelMult: [
        mult(width("input_blocks.1.0.out_layers.0.weight")),
        mult(width("input_blocks.4.0.out_layers.0.weight")),
        mult(width("input_blocks.7.0.out_layers.0.weight")),
      ],
      transformerDepth: [depth("input_blocks.1.1"), depth("input_blocks.4.1"), depth("input_blocks.7.1")],
      middleDepth: depth("middle_block.1"),
    },
    contextDim: shape("middle_block.1.transformer_blocks.0.attn2.to_k.weight")[1] ?? 0,
    pooledDim: (shape("label_emb.0.0.weight")[1] ?? 0) - SIZE_EMBEDDING_DIM,
    headDim: HEAD_DIM,
    inChannels,
    outChannels: shape("out.2.weight")[0] ?? 0,
  }
}
