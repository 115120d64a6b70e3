import { CoreError } from "../../errors.ts"
import { checkFile } from "../given.ts"
import type { WeightFile } from "../weight-reader.ts"

/** The factor from the posterior's values to SDXL's latents. */
export const LATENT_SCALE = 0.13025

/** Pixels for one latent, each way. */
export const VAE_FACTOR = 8

/** The options of every norm in the VAE. */
export const VAE_NORM = { groups: 32, epsilon: 1e-6 } as const

export const VAE_PREFIX = "first_stage_model."

/** An autoencoder in the LDM layout. */
export interface VaeConfig {
  /** Channels of each level. The finest level is first. */
  readonly channels: readonly number[]
  /** Residual blocks of a level in the encoder. The decoder has one more. */
  readonly resBlocks: number
  readonly latentChannels: number
}

export const SDXL_VAE: VaeConfig = Object.freeze({
  channels: Object.freeze([128, 256, 512, 512]),
  resBlocks: 2,
  latentChannels: 4,
})

/** Reads widths from a checkpoint's names and shapes. @throws CoreError if it holds no VAE */
export function inferVaeConfig(file: WeightFile): VaeConfig {
  checkFile("VAE", file)
  const find = (name: string): readonly number[] | undefined => file.entries.get(VAE_PREFIX + name)?.shape
  const count = (name: (index: number) => string): number => {
    let found = 0
    while (find(name(found)) !== undefined) found++
    return found
  }
  const levels = count((level) => `encoder.down.${level}.block.0.norm1.weight`)
  const latents = find("post_quant_conv.weight")
  if (levels === 0 || latents === undefined) {
    throw new CoreError(
      "checkpoint-part",
      `${file.label} holds no VAE: "${VAE_PREFIX}encoder…" is missing. Is this an SDXL checkpoint?`,
    )
  }
  const channels = Array.from(
    { length: levels },
    (_, level) => find(`encoder.down.${level}.block.0.conv1.weight`)?.[0] ?? 0,
  )
  return {
    channels,
    resBlocks: count((block) => `encoder.down.0.block.${block}.norm1.weight`),
    latentChannels: latents[0] ?? 0,
  }
}
