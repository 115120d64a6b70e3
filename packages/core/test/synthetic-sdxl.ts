import { readFileSync } from "node:fs"
import { loadSynthetic } from "../reference/weights.ts"
import type { TextEncoderConfig } from "../src/models/clip/config.ts"
import { CONTEXT_LENGTH } from "../src/models/clip/prompt.ts"
import { buildText1, buildText2 } from "../src/models/clip/weights.ts"
import type { Sdxl } from "../src/models/index.ts"
import { createTokenizer, disposeParams } from "../src/models/index.ts"
import type { UnetConfig } from "../src/models/unet/config.ts"
import type { UnetParams } from "../src/models/unet/params.ts"
import { buildUnet } from "../src/models/unet/weights.ts"
import { buildVae } from "../src/models/vae/weights.ts"
import type { Ops } from "../src/ops/index.ts"

/** An SDXL as small as its norms allow, with weights made from their names. */
export const SMALL_UNET: UnetConfig = {
  layout: { modelChannels: 32, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 },
  contextDim: 16,
  pooledDim: 8,
  headDim: 64,
  inChannels: 4,
  outChannels: 4,
}

/** The U-Net alone. */
export function createSyntheticUnet(ops: Ops, config: Partial<UnetConfig> = {}): Promise<UnetParams> {
  return loadSynthetic("a U-Net", buildUnet({ ...SMALL_UNET, ...config }), ops.load)
}

export async function createSyntheticSdxl(ops: Ops): Promise<Sdxl> {
  const merges = readFileSync(new URL("../data/clip-merges.txt", import.meta.url), "utf8")
  const text = (activation: TextEncoderConfig["activation"], projection: number | null): TextEncoderConfig => ({
    width: 8,
    layers: 2,
    heads: 1,
    activation,
    vocabulary: 49408,
    positions: CONTEXT_LENGTH,
    projection,
  })
  const parts = {
    unet: await createSyntheticUnet(ops),
    text1: await loadSynthetic("text encoder 1", buildText1(text("quick-gelu", null)), ops.load),
    text2: await loadSynthetic("text encoder 2", buildText2(text("gelu", 8)), ops.load),
    vae: await loadSynthetic(
      "a VAE",
      buildVae({ channels: [32, 32, 32, 32], resBlocks: 1, latentChannels: 4 }),
      ops.load,
    ),
  }
  return {
    ...parts,
    ops,
    tokenizer: createTokenizer(merges),
    prediction: "epsilon",
    dispose: () => disposeParams(parts),
  }
}
