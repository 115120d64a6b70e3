import { expectLayout } from "../argument.ts"
import { loraKey } from "./lora-key.ts"
import type { UnetFigure, UnetWidths } from "./unet-figure.ts"
import { SDXL_WIDTHS, unetFigure } from "./unet-figure.ts"
import type { UnetLayer } from "./unet-layer.ts"
import type { UnetLayout } from "./unet-layout.ts"
import { SDXL_LAYOUT } from "./unet-layout.ts"

/** All layers of a U-Net, with lookups. */
export interface UnetTable {
  readonly figure: UnetFigure
  /** In the order of a checkpoint. */
  readonly layers: readonly UnetLayer[]
  readonly byPath: ReadonlyMap<string, UnetLayer>
  readonly byDiffusersPath: ReadonlyMap<string, UnetLayer>
  /**
   * By a LoRA's module name as kohya's tools write it, over Stability's paths (`lora_unet_input_blocks_4_1_proj_in`)
   * or diffusers' (`lora_unet_down_blocks_1_attentions_0_proj_in`). Linear layers and convolutions only.
   */
  readonly byLoraKey: ReadonlyMap<string, UnetLayer>
}

/**
 * Every layer of a U-Net by its names. A key is a path with `_` in place of `.`. No rule can split such a key again. So
 * keys are looked up here and never parsed.
 *
 * @throws FormatError `layout`
 */
export function unetTable(layout: UnetLayout, widths: UnetWidths = SDXL_WIDTHS): UnetTable {
  expectLayout(layout)
  if (layout !== SDXL_LAYOUT || widths !== SDXL_WIDTHS) return createTable(layout, widths)
  // SDXL's table is used often, and its layout is frozen.
  sdxlTable ??= createTable(layout, widths)
  return sdxlTable
}

let sdxlTable: UnetTable | undefined

function createTable(layout: UnetLayout, widths: UnetWidths): UnetTable {
  const figure = unetFigure(layout, widths)
  const layers = [...layersOf(figure)]
  const products = layers.filter(({ kind }) => kind !== "norm")
  return {
    figure,
    layers,
    byPath: new Map(layers.map((layer) => [layer.path, layer])),
    byDiffusersPath: new Map(layers.map((layer) => [layer.diffusersPath, layer])),
    byLoraKey: new Map(
      products.flatMap((layer) =>
        [layer.path, layer.diffusersPath].flatMap((path): [string, UnetLayer][] => {
          const key = loraKey({ network: "unet", path })
          return key === null ? [] : [[key, layer]]
        }),
      ),
    ),
  }
}

/** The leaves of a figure, or of a part of one, in its order. */
function* layersOf(tree: object): Generator<UnetLayer> {
  for (const value of Object.values(tree) as unknown[]) {
    if (typeof value !== "object" || value === null) continue
    if (isLayer(value)) yield value
    else yield* layersOf(value)
  }
}

function isLayer(value: object): value is UnetLayer {
  return "diffusersPath" in value
}
