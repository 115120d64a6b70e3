import { weight } from "../reference/synthetic.ts"
import type { TextEncoderConfig } from "../src/models/clip/config.ts"
import { buildText1, buildText2 } from "../src/models/clip/weights.ts"
import type { UnetConfig } from "../src/models/unet/config.ts"
import { buildUnet } from "../src/models/unet/weights.ts"
import { buildVae } from "../src/models/vae/weights.ts"
import { shapesOf, type WeightFile } from "../src/models/weight-reader.ts"
import type { LayoutTensors } from "./diffusers-layout.ts"

/** SDXL's structure. The test computes nothing, so any width is enough. */
const UNET: UnetConfig = {
  layout: { modelChannels: 4, channelMult: [1, 2, 4], transformerDepth: [0, 1, 2], middleDepth: 2 },
  contextDim: 16,
  pooledDim: 8,
  headDim: 64,
  inChannels: 4,
  outChannels: 4,
}
const TEXT: Omit<TextEncoderConfig, "projection"> = {
  width: 8,
  layers: 2,
  heads: 1,
  activation: "gelu",
  vocabulary: 5,
  positions: 7,
}

/** All of a small SDXL under Stability's names. Every value is different. */
export async function checkpoint(): Promise<LayoutTensors> {
  const shapes = await Promise.all([
    shapesOf(buildUnet(UNET)),
    shapesOf(buildText1({ ...TEXT, projection: null })),
    shapesOf(buildText2({ ...TEXT, projection: 6 })),
    shapesOf(buildVae({ channels: [4, 8, 8, 8], resBlocks: 2, latentChannels: 4 })),
  ])
  return new Map(
    shapes
      .flatMap((list) => [...list])
      .map(([name, shape]) => [
        name,
        { dtype: "F32" as const, shape, bytes: new Uint8Array(weight(name, shape).buffer) },
      ]),
  )
}

/** A file of these tensors. */
export function fileOf(label: string, tensors: LayoutTensors): WeightFile {
  return {
    label,
    entries: new Map(
      [...tensors].map(([name, { dtype, shape, bytes }]) => [name, { name, dtype, shape, read: async () => bytes }]),
    ),
  }
}
