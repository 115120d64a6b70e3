import type { ControlNetLayout, ControlNetUnion } from "@lllite/format/identify"
import { weight } from "../reference/synthetic.ts"
import { buildControlNet } from "../src/models/controlnet/weights.ts"
import { unetWidths, vectorDimOf } from "../src/models/unet/config.ts"
import { shapesOf, type WeightFile } from "../src/models/weight-reader.ts"
import { SMALL_UNET } from "./synthetic-sdxl.ts"

const { inChannels, contextDim } = unetWidths(SMALL_UNET)

/** A ControlNet for the small U-Net of the tests. */
export const SMALL_CONTROL: ControlNetLayout = {
  unet: SMALL_UNET.layout,
  widths: { inChannels, contextDim, vectorDim: vectorDimOf(SMALL_UNET) },
  middleBlocks: 2,
  hintChannels: 3,
  hintWidths: [4, 4, 6, 6, 8, 8, 10],
}

/** A ControlNet Union of six control types. */
export const SMALL_UNION: ControlNetUnion = { types: 6, width: 32, blocks: 2 }

/** A file of a ControlNet in the original layout, with weights made from their names. */
export async function controlFile(
  layout: ControlNetLayout = SMALL_CONTROL,
  union: ControlNetUnion | null = null,
): Promise<WeightFile> {
  const shapes = await shapesOf(buildControlNet(layout, union))
  return {
    label: "control",
    entries: new Map(
      [...shapes].map(([name, shape]) => [
        name,
        { name, dtype: "F32", shape, read: async () => new Uint8Array(weight(name, shape).buffer) },
      ]),
    ),
  }
}
