import type { TextEncoderConfig } from "./clip/config.ts"
import { CONTEXT_LENGTH } from "./clip/prompt.ts"
import { buildText1, buildText2 } from "./clip/weights.ts"
import type { UnetConfig } from "./unet/config.ts"
import { SDXL_UNET } from "./unet/config.ts"
import { buildUnet } from "./unet/weights.ts"
import { SDXL_VAE } from "./vae/config.ts"
import { buildVae } from "./vae/weights.ts"
import { shapesOf } from "./weight-reader.ts"

const TEXT: Pick<TextEncoderConfig, "vocabulary" | "positions"> = { vocabulary: 49408, positions: CONTEXT_LENGTH }

/** The parts of SDXL by the names and shapes of their tensors in a checkpoint: 3,468,837,867 values at real width. */
export interface SdxlShapes {
  readonly unet: ReadonlyMap<string, readonly number[]>
  readonly text1: ReadonlyMap<string, readonly number[]>
  readonly text2: ReadonlyMap<string, readonly number[]>
  readonly vae: ReadonlyMap<string, readonly number[]>
}

/** The names and shapes of an SDXL checkpoint, for programs that make a synthetic one. */
export async function sdxlShapes(unet: UnetConfig = SDXL_UNET): Promise<SdxlShapes> {
  const [width1, width2] = [768, 1280]
  return {
    unet: await shapesOf(buildUnet(unet)),
    text1: await shapesOf(
      buildText1({ ...TEXT, width: width1, layers: 12, heads: 12, activation: "quick-gelu", projection: null }),
    ),
    text2: await shapesOf(
      buildText2({ ...TEXT, width: width2, layers: 32, heads: 20, activation: "gelu", projection: width2 }),
    ),
    vae: await shapesOf(buildVae(SDXL_VAE)),
  }
}
