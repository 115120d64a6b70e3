import type { NetworkLayer } from "@lllite/format"
import { loraKey, textBlockFigure, unetTable } from "@lllite/format"
import type { TextEncoderConfig } from "../clip/config.ts"
import { inferText1Config, inferText2Config, TEXT1_PREFIX, TEXT2_PREFIX } from "../clip/config.ts"
import type { SdxlFiles } from "../layouts/parts.ts"
import type { UnetConfig } from "../unet/config.ts"
import { inferUnetConfig, UNET_PREFIX, unetWidths } from "../unet/config.ts"

/** The part of SDXL in which a LoRA's layer lies. */
export type LoraPart = "unet" | "text1" | "text2"

/** The files of the parts of SDXL that a LoRA can change. */
export type LoraBase = Pick<SdxlFiles, LoraPart>

/** The weight that a LoRA's module changes. */
export interface LoraTarget {
  readonly part: LoraPart
  /** The weight's name in a checkpoint of the Stability layout. */
  readonly weight: string
  /** The first of the layer's rows, where the weight joins several layers. */
  readonly firstRow: number
  readonly layer: NetworkLayer
}

/** The widths and depths of the parts that a LoRA can change. */
export interface LoraConfigs {
  readonly unet: UnetConfig
  readonly text1: TextEncoderConfig
  readonly text2: TextEncoderConfig
}

/** Every weight that a LoRA can change in an SDXL, by the module's name in kohya's LoRAs. */
export function loraTargets({ unet, text1, text2 }: LoraBase): ReadonlyMap<string, LoraTarget> {
  return loraTargetsOf({
    unet: inferUnetConfig(unet),
    text1: inferText1Config(text1),
    text2: inferText2Config(text2),
  })
}

/** The same, for an SDXL of these widths. */
export function loraTargetsOf({ unet: config, text1, text2 }: LoraConfigs): ReadonlyMap<string, LoraTarget> {
  const targets = new Map<string, LoraTarget>()
  for (const [key, layer] of unetTable(config.layout, unetWidths(config)).byLoraKey) {
    targets.set(key, { part: "unet", weight: `${UNET_PREFIX}${layer.path}.weight`, firstRow: 0, layer })
  }
  addText(targets, "text1", text1, (layer) => [`${TEXT1_PREFIX}${layer.path}.weight`, 0])
  addText(targets, "text2", text2, ({ role, index }) => {
    const block = `${TEXT2_PREFIX}transformer.resblocks.${index}.`
    const joined = JOINED_ROLES.indexOf(role)
    // open_clip joins queries, keys and values.
    return joined >= 0
      ? [`${block}attn.in_proj_weight`, joined * text2.width]
      : [`${block}${OWN_NAMES[role]}.weight`, 0]
  })
  return targets
}

type TextLayer = ReturnType<typeof textBlockFigure>["q"]

const JOINED_ROLES: readonly TextLayer["role"][] = ["q", "k", "v"]

/** open_clip's names of the layers that it does not join. */
const OWN_NAMES: Readonly<Partial<Record<TextLayer["role"], string>>> = {
  out: "attn.out_proj",
  "ff-in": "mlp.c_fc",
  "ff-out": "mlp.c_proj",
}

function addText(
  targets: Map<string, LoraTarget>,
  part: "text1" | "text2",
  { layers, width }: TextEncoderConfig,
  weightOf: (layer: TextLayer) => readonly [weight: string, firstRow: number],
): void {
  for (let i = 0; i < layers; i++) {
    for (const layer of Object.values(textBlockFigure(part, i, width))) {
      const key = loraKey(layer)
      const [weight, firstRow] = weightOf(layer)
      if (key !== null) targets.set(key, { part, weight, firstRow, layer })
    }
  }
}
