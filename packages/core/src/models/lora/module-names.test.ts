import { describe, expect, it } from "vitest"
import { loraTensorPlace } from "./module-names.ts"

const MODULE = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_out_0"

describe("loraTensorPlace", () => {
  it.each([
    [`${MODULE}.lora_down.weight`, MODULE, "lora_down"],
    [`${MODULE}.alpha`, MODULE, "alpha"],
    [`${MODULE}.dora_scale`, MODULE, "dora_scale"],
    [`${MODULE}.hada_w1_a`, MODULE, "hada_w1_a"],
    [`${MODULE}.lokr_w1`, MODULE, "lokr_w1"],
    [`${MODULE}.lokr_w1_b`, MODULE, "lokr_w1_b"],
    ["unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_out.0.lora_B.weight", MODULE, "lora_up"],
    ["unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.processor.to_out_lora.up.weight", MODULE, "lora_up"],
    ["down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_out.0.lora_A.default.weight", MODULE, "lora_down"],
    [
      "base_model.model.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_out.0.lora_A.weight",
      MODULE,
      "lora_down",
    ],
    ["diffusion_model.middle_block.1.proj_in.lora_up.weight", "lora_unet_middle_block_1_proj_in", "lora_up"],
    [
      "text_encoder_2.text_model.encoder.layers.3.self_attn.to_v_lora.down.weight",
      "lora_te2_text_model_encoder_layers_3_self_attn_v_proj",
      "lora_down",
    ],
    [
      "text_encoder.text_model.encoder.layers.3.mlp.fc1.lora_linear_layer.up.weight",
      "lora_te1_text_model_encoder_layers_3_mlp_fc1",
      "lora_up",
    ],
    [
      "text_encoder.text_model.encoder.layers.3.self_attn.q_proj.lora_magnitude_vector",
      "lora_te1_text_model_encoder_layers_3_self_attn_q_proj",
      "dora_scale",
    ],
  ])("reads %s", (name, module, tensor) => {
    expect(loraTensorPlace(name)).toEqual({ module, tensor })
  })

  it.each(["", "alpha", "weight", `${MODULE}.weight`, "toString", "__proto__", `${MODULE}.lora_down.bias`])(
    "knows no tensor %j",
    (name) => {
      expect(loraTensorPlace(name)).toBeNull()
    },
  )
})
