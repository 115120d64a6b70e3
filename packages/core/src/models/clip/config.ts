import { CoreError } from "../../errors.ts"
import type { WeightFile } from "../weight-reader.ts"

/** A CLIP text encoder. */
export interface TextEncoderConfig {
  readonly width: number
  readonly layers: number
  readonly heads: number
  readonly activation: "quick-gelu" | "gelu"
  readonly vocabulary: number
  readonly positions: number
  /** Width of the pooled embedding; null where the checkpoint has no text projection. */
  readonly projection: number | null
}

/** SDXL's first encoder, in the names of transformers. */
export const TEXT1_PREFIX = "conditioner.embedders.0.transformer.text_model."
/** SDXL's second encoder, in the names of open_clip. */
export const TEXT2_PREFIX = "conditioner.embedders.1.model."

/**
 * Reads both encoders' configs off a checkpoint. Heads leave no trace in the shapes; both real encoders have 64
 * channels a head, and an encoder too narrow for that has one head.
 *
 * @throws CoreError if an encoder is missing
 */
export function inferTextConfigs(file: WeightFile): {
  readonly text1: TextEncoderConfig
  readonly text2: TextEncoderConfig
} {
  const shape = (name: string): readonly number[] => {
    const entry = file.entries.get(name)
    if (entry === undefined) {
      throw new CoreError(
        `${file.label} holds no SDXL text encoders: "${name}" is missing. Is this an SDXL checkpoint?`,
      )
    }
    return entry.shape
  }
  const layers = (prefix: string, name: string): number => {
    let count = 0
    while (file.entries.has(`${prefix}${count}.${name}`)) count++
    return count
  }
  const [vocabulary1 = 0, width1 = 0] = shape(`${TEXT1_PREFIX}embeddings.token_embedding.weight`)
  const [positions1 = 0] = shape(`${TEXT1_PREFIX}embeddings.position_embedding.weight`)
  const [vocabulary2 = 0, width2 = 0] = shape(`${TEXT2_PREFIX}token_embedding.weight`)
  const [positions2 = 0] = shape(`${TEXT2_PREFIX}positional_embedding`)
  return {
    text1: {
      width: width1,
      layers: layers(`${TEXT1_PREFIX}encoder.layers.`, "layer_norm1.weight"),
      heads: headsOf(width1),
      activation: "quick-gelu",
      vocabulary: vocabulary1,
      positions: positions1,
      projection: null,
    },
    text2: {
      width: width2,
      layers: layers(`${TEXT2_PREFIX}transformer.resblocks.`, "ln_1.weight"),
      heads: headsOf(width2),
      activation: "gelu",
      vocabulary: vocabulary2,
      positions: positions2,
      projection: shape(`${TEXT2_PREFIX}text_projection`)[1] ?? 0,
    },
  }
}

function headsOf(width: number): number {
  return Math.max(1, Math.floor(width / 64))
}
