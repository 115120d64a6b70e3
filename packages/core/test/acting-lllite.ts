import type { AdapterDims } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import type { LlliteModel, LlliteParams } from "../src/models/index.ts"
import { uploadLllite } from "../src/models/index.ts"
import { createStream } from "../src/random/index.ts"
import { createTrainState } from "../src/training/index.ts"
import { SMALL_UNET } from "./synthetic-sdxl.ts"

/** An LLLite that has an effect: its `up` is not zero. */
export function actingModel(sites: Parameters<typeof createTrainState>[0], dims: AdapterDims): LlliteModel {
  const { model } = createTrainState(sites, dims, 1)
  const noise = createStream(1, "up").normal(model.values.length)
  return { ...model, values: model.values.map((value, i) => value || 0.3 * (noise[i] ?? 0)) }
}

/** Such an LLLite on the small SDXL's default sites. The caller disposes it. */
export function actingLllite(): LlliteParams {
  return uploadLllite(actingModel(enumerateSites(SMALL_UNET.layout), { condDim: 8, mlpDim: 8 }))
}
