import type { Dtype } from "@lllite/format"
import type { ControlNetLayout } from "@lllite/format/identify"
import { buildControlNet } from "../models/controlnet/weights.ts"
import type { UnetConfig } from "../models/unet/config.ts"
import { vectorDimOf } from "../models/unet/config.ts"
import type { WeightFile } from "../models/weight-reader.ts"
import { shapesOf } from "../models/weight-reader.ts"
import { outlineFile } from "./sdxl-outline.ts"

/** Widths of the layers that read the control picture, in every published ControlNet for SDXL but Union, whose are wider. */
const HINT_WIDTHS = [16, 16, 32, 32, 96, 96, 256] as const

/** A ControlNet with all blocks of a U-Net's way down, as names and shapes, for `planMemory`. It has no values. */
export async function controlNetOutline(unet: UnetConfig, dtype: Dtype): Promise<WeightFile> {
  const layout: ControlNetLayout = {
    unet: unet.layout,
    widths: { inChannels: unet.outChannels, contextDim: unet.contextDim, vectorDim: vectorDimOf(unet) },
    ...{ middleBlocks: 2, hintChannels: 3, hintWidths: HINT_WIDTHS },
  }
  return outlineFile("a ControlNet", await shapesOf(buildControlNet(layout)), dtype)
}
