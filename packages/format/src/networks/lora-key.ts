import { expectArgument } from "../argument.ts"
import type { NetworkLayer, NetworkName } from "./layer.ts"

/** The prefixes of a LoRA's module names, by network. Source: sd-scripts `networks/lora.py`. */
const PREFIXES: Readonly<Partial<Record<NetworkName, string>>> = {
  unet: "lora_unet_",
  text1: "lora_te1_text_model_",
  text2: "lora_te2_text_model_",
}

/**
 * A layer's module name in a LoRA as kohya's tools write it: `lora_unet_input_blocks_4_1_proj_in`,
 * `lora_te2_text_model_encoder_layers_0_self_attn_q_proj`. Null for networks without such names.
 *
 * @param path the layer's path; another layout's path gives that layout's key
 */
export function loraKey(layer: Pick<NetworkLayer, "network" | "path">): string | null {
  expectArgument(typeof layer?.path === "string", "the layer", layer, "a layer of a network")
  const { network, path } = layer
  const prefix = PREFIXES[network]
  return prefix === undefined ? null : prefix + path.replaceAll(".", "_")
}
