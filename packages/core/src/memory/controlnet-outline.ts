import type { Dtype } from "@lllite/format"
import { type ControlNetLayout, unionShapes } from "@lllite/format/identify"
import { buildControlNet } from "../models/controlnet/weights.ts"
import type { UnetConfig } from "../models/unet/config.ts"
import { vectorDimOf } from "../models/unet/config.ts"
import type { WeightFile } from "../models/weight-reader.ts"
import { shapesOf } from "../models/weight-reader.ts"
import { outlineFile } from "./sdxl-outline.ts"

/** Widths of the layers that read the control picture, in every published ControlNet for SDXL but Union. */
const HINT_WIDTHS = [16, 16, 32, 32, 96, 96, 256] as const

/** The same widths of ControlNet Union. Source: xinsir/controlnet-union-sdxl-1.0, `config.json` */
const UNION_HINT_WIDTHS = [48, 48, 96, 96, 192, 192, 384] as const

/** Control types and blocks of the newer files of ControlNet Union ("promax"). */
const UNION = { types: 8, blocks: 1 } as const

/**
 * A ControlNet with all blocks of a U-Net's way down, as names and shapes, for `planMemory`. It has no values.
 *
 * @param isUnion whether it is a ControlNet Union
 */
export async function controlNetOutline(unet: UnetConfig, dtype: Dtype, isUnion: boolean): Promise<WeightFile> {
  const layout: ControlNetLayout = {
    unet: unet.layout,
    widths: { inChannels: unet.outChannels, contextDim: unet.contextDim, vectorDim: vectorDimOf(unet) },
    ...{ middleBlocks: 2, hintChannels: 3, hintWidths: isUnion ? UNION_HINT_WIDTHS : HINT_WIDTHS },
  }
  const shapes = await shapesOf(buildControlNet(layout))
  const union = isUnion ? unionShapes({ ...UNION, width: unet.layout.modelChannels }, layout) : []
  return outlineFile("a ControlNet", new Map([...shapes, ...union]), dtype)
}
