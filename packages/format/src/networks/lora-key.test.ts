import { expect, it } from "vitest"
import { loraKey } from "./lora-key.ts"

it.each([
  ["unet", "input_blocks.4.1.proj_in", "lora_unet_input_blocks_4_1_proj_in"],
  ["text1", "encoder.layers.0.mlp.fc1", "lora_te1_text_model_encoder_layers_0_mlp_fc1"],
  ["text2", "encoder.layers.31.self_attn.q_proj", "lora_te2_text_model_encoder_layers_31_self_attn_q_proj"],
  ["controlnet", "zero_convs.0.0", null],
] as const)("names a module of %s, as kohya's tools do", (network, path, key) => {
  expect(loraKey({ network, path })).toBe(key)
})
