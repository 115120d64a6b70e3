/** The family of image models that a file belongs to. */
export type BaseModel = "sd1" | "sd2" | "sdxl" | "sd3" | "flux" | "anima"

/** The kind of a safetensors file, from its header. */
export type FileKind =
  | "lllite"
  | "lllite-anima"
  | "lora"
  | "lycoris"
  | "control-lora"
  | "controlnet"
  | "controlnet-xs"
  | "t2i-adapter"
  | "ip-adapter"
  | "sdxl-checkpoint"
  | "sdxl-refiner"
  | "sdxl-unet"
  | "sd1-checkpoint"
  | "sd2-checkpoint"
  | "sd-unet"
  | "sd3-checkpoint"
  | "flux-checkpoint"
  | "transformer-model"
  | "vae"
  | "text-encoder"
  | "textual-inversion"
  | "empty"
  | "unknown"

/**
 * A kind, its name for people, its base model, and the patterns of its tensor names. The base is "by-text" if the width
 * of the text decides it. One matching pattern is enough. `^a` begins with "a", `a` contains it, and `a & b` needs
 * both.
 */
export type KindRule = readonly [
  kind: FileKind,
  detail: string,
  base: BaseModel | "by-text" | null,
  ...names: readonly string[],
]

/**
 * The rules in order. The first match wins. So a kind that contains another one comes before it, as a checkpoint
 * contains a VAE. `test/golden-headers.ts` has the source of each family's names.
 */
export const KIND_RULES: readonly KindRule[] = [
  [
    "lllite",
    "a ControlNet-LLLite for SDXL with a shared trunk, which only this project's programs load",
    "sdxl",
    "^lllite_unet_ & ^lllite_conditioning1.depth",
  ],
  // Anima's adapter is also called LLLite. So "lllite" in a name alone decides nothing.
  [
    "lllite-anima",
    "a ControlNet-LLLite for Anima in the old, unnamed layout, which no current program loads",
    "anima",
    "^lllite_modules.",
  ],
  [
    "lllite-anima",
    "a ControlNet-LLLite for Anima, v3 (conditioned on the model's own hidden states)",
    "anima",
    "^lllite_conditioning1.proj_in.",
  ],
  [
    "lllite-anima",
    "a ControlNet-LLLite for Anima, v2.1 (conditioned on latents)",
    "anima",
    "^lllite_conditioning1.lat_conv1.",
  ],
  ["lllite-anima", "a ControlNet-LLLite for Anima, v2 (conditioned on pixels)", "anima", "^lllite_conditioning1."],
  ["lllite-anima", "a ControlNet-LLLite for Anima, v1 (a conditioner in every module)", "anima", "^lllite_dit_"],
  // SDXL has no attention at its first level.
  [
    "lllite",
    "a ControlNet-LLLite for a U-Net with attention at its first level, such as that of Stable Diffusion 1",
    null,
    "^lllite_unet_input_blocks_1_1_",
  ],
  ["lllite", "a ControlNet-LLLite for SDXL", "sdxl", "^lllite_unet_"],

  ["control-lora", "a Control-LoRA", "by-text", "^lora_controlnet"],
  ["controlnet-xs", "a ControlNet-XS (diffusers names)", "by-text", ".base_to_ctrl.", ".ctrl_to_base."],
  ["controlnet-xs", "a ControlNet-XS (original names)", "by-text", "enc_zero_convs_out.", "dec_zero_convs_out."],
  // ControlNets for Flux also have the names of the first ControlNets.
  [
    "controlnet",
    "a ControlNet for Flux",
    "flux",
    "^controlnet_blocks. & ^double_blocks.0.",
    "^controlnet_blocks. & ^single_transformer_blocks.0.",
  ],
  ["controlnet", "a ControlNet (original names)", "by-text", "^control_model.", "^input_hint_block.", "^zero_convs."],
  [
    "controlnet",
    "a ControlNet (diffusers names)",
    "by-text",
    "^controlnet_cond_embedding.",
    "^controlnet_down_blocks.",
    "^controlnet_mid_block.",
  ],
  ["controlnet", "a ControlNet for SD3 or another transformer model", null, "^controlnet_blocks."],

  // Some IP-Adapters carry a LoRA, so they come first.
  ["ip-adapter", "an IP-Adapter for Flux", "flux", "ip_adapter_double_stream", "^ip_adapter_proj_model."],
  ["ip-adapter", "an IP-Adapter", "by-text", "^ip_adapter.", "to_k_ip."],

  // LyCORIS' names are kohya's except for the part after the module.
  ["lycoris", "a LyCORIS adapter (LoHa)", null, ".hada_w1_a", ".hada_w1_b", ".hada_t1"],
  ["lycoris", "a LyCORIS adapter (LoKr)", null, ".lokr_w1", ".lokr_w2"],
  ["lycoris", "a LyCORIS adapter (OFT)", null, ".oft_blocks", ".oft_diag"],
  ["lycoris", "a LyCORIS adapter (IA3)", null, ".on_input"],
  ["lycoris", "a LyCORIS adapter", null, "^lycoris_"],
  ["lora", "a LoRA for Flux (kohya names)", "flux", "^lora_unet_double_blocks_", "^lora_unet_single_blocks_"],
  ["lora", "a LoRA for SD3 (kohya names)", "sd3", "^lora_unet_joint_blocks_"],
  [
    "lora",
    "a LoRA for SDXL (kohya names)",
    "sdxl",
    "^lora_te2_",
    "^lora_unet_input_blocks_",
    "^lora_unet_middle_block_",
    "^lora_unet_output_blocks_",
  ],
  ["lora", "a LoRA (kohya names)", "by-text", "^lora_unet_", "^lora_te_", "^lora_te1_", "^lora_transformer_"],
  [
    "lora",
    "a LoRA for Flux (diffusers or PEFT names)",
    "flux",
    "single_transformer_blocks.0. & .lora_A.",
    "double_blocks.0. & .lora_A.",
  ],
  [
    "lora",
    "a LoRA (diffusers or PEFT names)",
    "by-text",
    ".lora_A.",
    ".lora_B.",
    ".lora.down.",
    ".lora.up.",
    ".lora_down.",
    ".lora_up.",
    "_lora.",
    ".lora_linear_layer.",
  ],
  ["t2i-adapter", "a T2I-Adapter (diffusers names)", null, "^adapter.body.", "^adapter.conv_in."],
  ["t2i-adapter", "a T2I-Adapter (original names)", null, "^body.0.block1.", "^body.0.in_conv."],

  ["sdxl-checkpoint", "an SDXL checkpoint", "sdxl", "^model.diffusion_model. & ^conditioner.embedders.1."],
  ["sdxl-refiner", "an SDXL refiner checkpoint", "sdxl", "^model.diffusion_model. & ^conditioner.embedders.0."],
  ["sd2-checkpoint", "a Stable Diffusion 2 checkpoint", "sd2", "^model.diffusion_model. & ^cond_stage_model.model."],
  ["sd1-checkpoint", "a Stable Diffusion 1 checkpoint", "sd1", "^model.diffusion_model. & ^cond_stage_model."],
  [
    "sd3-checkpoint",
    "a Stable Diffusion 3 checkpoint",
    "sd3",
    "^model.diffusion_model.joint_blocks.0.",
    "^joint_blocks.0.",
  ],
  ["flux-checkpoint", "a Flux checkpoint", "flux", "^model.diffusion_model.double_blocks.0.", "^double_blocks.0."],
  [
    "flux-checkpoint",
    "a Flux transformer (diffusers names)",
    "flux",
    "^single_transformer_blocks.0. & ^transformer_blocks.0.",
  ],
  [
    "sd3-checkpoint",
    "a Stable Diffusion 3 transformer (diffusers names)",
    "sd3",
    "^transformer_blocks.0.attn.add_k_proj. & ^pos_embed.",
  ],
  [
    "transformer-model",
    "Anima or another model of its build, which has no U-Net",
    null,
    "^model.diffusion_model.blocks.0.",
    "^net.blocks.0.",
    "^blocks.0.self_attn.q_proj.",
  ],
  [
    "transformer-model",
    "a transformer diffusion model, which has no U-Net",
    null,
    "^single_transformer_blocks.0.",
    "^transformer_blocks.0.attn.add_k_proj.",
  ],

  ["sdxl-unet", "an SDXL U-Net (original names)", "sdxl", "^model.diffusion_model.label_emb.", "^label_emb.0."],
  ["sdxl-unet", "an SDXL U-Net (diffusers names)", "sdxl", "^add_embedding.linear_1."],
  [
    "sd-unet",
    "a Stable Diffusion U-Net without SDXL's size conditioning (original names)",
    "by-text",
    "^model.diffusion_model.input_blocks.",
    "^input_blocks.0.",
  ],
  [
    "sd-unet",
    "a Stable Diffusion U-Net without SDXL's size conditioning (diffusers names)",
    "by-text",
    "^down_blocks. & ^time_embedding.",
  ],
  ["vae", "a VAE (original names)", null, "^first_stage_model.", "^encoder.down. & ^decoder.up."],
  ["vae", "a VAE (diffusers names)", null, "^encoder.down_blocks. & ^decoder.up_blocks."],
  [
    "text-encoder",
    "a CLIP text encoder",
    null,
    "^text_model.",
    "^transformer.resblocks.",
    "^transformer.text_model.",
    "^embeddings.token_embedding. & ^encoder.layers.0.layer_norm1.",
  ],
  ["text-encoder", "a T5 text encoder", null, "^encoder.block.0.layer.0.SelfAttention."],
  ["textual-inversion", "a textual inversion for SDXL", "sdxl", "^clip_l & ^clip_g"],
  ["textual-inversion", "a textual inversion", null, "^emb_params", "^string_to_param.", "^clip_l", "^clip_g"],
]
