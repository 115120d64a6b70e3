import { toFloat32 } from "@lllite/format"
import { describe, expect, it } from "vitest"
import { weight } from "../../reference/synthetic.ts"
import { type LayoutTensors, toDiffusers } from "../../test/diffusers-layout.ts"
import type { Ops, WeightLoader } from "../ops/ops.ts"
import type { Tokenizer } from "./clip/tokenizer.ts"
import { buildText1, buildText2, type TextProjection } from "./clip/weights.ts"
import { partsOf, type SdxlFiles } from "./layouts/parts.ts"
import { loadSdxl } from "./sdxl.ts"
import { buildUnet } from "./unet/weights.ts"
import { buildVae } from "./vae/weights.ts"
import { shapesOf, type WeightFile } from "./weight-reader.ts"

const NAME = "conditioner.embedders.1.model.text_projection"
const TEXT = { width: 64, layers: 1, heads: 1, activation: "gelu", vocabulary: 5, positions: 7 } as const
const LAYOUT = { modelChannels: 4, channelMult: [1, 2, 4], transformerDepth: [0, 1, 2], middleDepth: 2 } as const
const CHANNELS = { headDim: 64, inChannels: 4, outChannels: 4 } as const
const NO_WORDS: Tokenizer = { encode: () => [], vocabularySize: 5, startId: 0, endId: 1 }

async function checkpoint(): Promise<LayoutTensors> {
  const shapes = await Promise.all([
    shapesOf(buildUnet({ layout: LAYOUT, contextDim: 128, pooledDim: 64, ...CHANNELS })),
    shapesOf(buildText1({ ...TEXT, projection: null })),
    shapesOf(buildText2({ ...TEXT, projection: 64 })),
    shapesOf(buildVae({ channels: [4, 8, 8, 8], resBlocks: 2, latentChannels: 4 })),
  ])
  const tensorOf = (name: string, shape: readonly number[]) =>
    [name, { dtype: "F32" as const, shape, bytes: new Uint8Array(weight(name, shape).buffer) }] as const
  return new Map(shapes.flatMap((list) => Array.from(list, ([name, shape]) => tensorOf(name, shape))))
}

function fileOf(tensors: LayoutTensors): WeightFile {
  const entries = Array.from(
    tensors,
    ([name, { bytes, ...rest }]) => [name, { name, ...rest, read: async () => bytes }] as const,
  )
  return { label: "test", entries: new Map(entries) }
}

/** The projection as a device gets it: [out, in], row-major. */
async function loadedProjection(files: WeightFile | SdxlFiles, projection: TextProjection): Promise<Float32Array> {
  let found = new Float32Array()
  const weightOf = async <Kind extends string>(kind: Kind) => ({ kind, shape: [], bytes: 0, dispose: () => {} })
  const load: WeightLoader = {
    async linear(entry) {
      if (entry.name.includes("text_projection")) found = toFloat32(await entry.read(), entry.dtype)
      return weightOf("linear")
    },
    conv2d: () => weightOf("conv2d"),
    norm: () => weightOf("norm"),
    table: () => weightOf("table"),
  }
  await loadSdxl({ load } as Ops, files, NO_WORDS, { projection })
  return found
}

describe("the projection of pooled text", () => {
  it("is transposed, and with sd-scripts' way as it is stored", async () => {
    const file = fileOf(await checkpoint())
    const stored = weight(NAME, [64, 64])
    expect(await loadedProjection(file, "sd-scripts")).toEqual(stored)
    const transposed = stored.map((_, i) => stored[(i % 64) * 64 + Math.floor(i / 64)] as number)
    expect(await loadedProjection(file, "checkpoint")).toEqual(transposed)
  })

  it("is the same of a diffusers folder in both ways, as sd-scripts reads it rightly", async () => {
    const tensors = await checkpoint()
    const { unet, vae, text_encoder: text1, text_encoder_2: text2 } = toDiffusers(tensors)
    const parts = { unet: fileOf(unet), vae: fileOf(vae), text1: fileOf(text1), text2: fileOf(text2) }
    const right = await loadedProjection(fileOf(tensors), "checkpoint")
    expect(await loadedProjection(parts, "checkpoint")).toEqual(right)
    expect(await loadedProjection(parts, "sd-scripts")).toEqual(right)
    // A runtime opens the parts before it loads them.
    expect(await loadedProjection(partsOf(parts), "sd-scripts")).toEqual(right)
  })
})
