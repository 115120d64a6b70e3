import { CoreError } from "../../errors.ts"
import { checkFile } from "../given.ts"
import type { WeightFile } from "../weight-reader.ts"

/** A CLIP text encoder. */
export interface TextEncoderConfig {
  readonly width: number
  readonly layers: number
  readonly heads: number
  readonly activation: "quick-gelu" | "gelu"
  readonly vocabulary: number
  readonly positions: number
  /** Width of the pooled embedding. Null where the checkpoint has no text projection. */
  readonly projection: number | null
}

/** SDXL's first encoder, in the names of transformers. */
export const TEXT1_PREFIX = "conditioner.embedders.0.transformer.text_model."
/** SDXL's second encoder, in the names of open_clip. */
export const TEXT2_PREFIX = "conditioner.embedders.1.model."

/*
 * Configs are read from names and shapes. The number of heads is not visible there. Both real encoders have 64 channels
 * for each head. A narrower encoder has one head.
 */

/** The config of SDXL's first encoder, under the names of a checkpoint. @throws CoreError if it is missing */
export function inferText1Config(file: WeightFile): TextEncoderConfig {
  checkFile("text encoder", file)
  const [vocabulary = 0, width = 0] = shapeOf(file, `${TEXT1_PREFIX}embeddings.token_embedding.weight`)
  const [positions = 0] = shapeOf(file, `${TEXT1_PREFIX}embeddings.position_embedding.weight`)
  return {
    width,
    layers: countLayers(file, `${TEXT1_PREFIX}encoder.layers.`, "layer_norm1.weight"),
    heads: headsOf(width),
    activation: "quick-gelu",
    vocabulary,
    positions,
    projection: null,
  }
}

/** The config of SDXL's second encoder, under the names of a checkpoint. @throws CoreError if it is missing */
export function inferText2Config(file: WeightFile): TextEncoderConfig {
  checkFile("text encoder", file)
  const [vocabulary = 0, width = 0] = shapeOf(file, `${TEXT2_PREFIX}token_embedding.weight`)
  const [positions = 0] = shapeOf(file, `${TEXT2_PREFIX}positional_embedding`)
  return {
    width,
    layers: countLayers(file, `${TEXT2_PREFIX}transformer.resblocks.`, "ln_1.weight"),
    heads: headsOf(width),
    activation: "gelu",
    vocabulary,
    positions,
    projection: shapeOf(file, `${TEXT2_PREFIX}text_projection`)[1] ?? 0,
  }
}

function shapeOf(file: WeightFile, name: string): readonly number[] {
  const entry = file.entries.get(name)
  if (entry === undefined) {
    throw new CoreError(
      "checkpoint-part",
      `${file.label} holds no SDXL text encoders: "${name}" is missing. Is this an SDXL checkpoint?`,
    )
  }
  return entry.shape
}

function countLayers({ entries }: WeightFile, prefix: string, name: string): number {
  let count = 0
  while (entries.has(`${prefix}${count}.${name}`)) count++
  return count
}

function headsOf(width: number): number {
  return Math.max(1, Math.floor(width / 64))
}
