import type { BaseModel } from "./identify.ts"

/** What a safetensors file holds, as far as its header tells. */
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

/** A kind, and the patterns by which it is known: `^a` is a name that begins with "a", `a` one that has it anywhere. */
export interface KindRule {
  readonly kind: FileKind
  readonly detail: string
  /** "by-text" where the width of the text it reads tells. */
  readonly base?: BaseModel | "by-text"
  /** At least one of these. */
  readonly any?: readonly string[]
  readonly all?: readonly string[]
  readonly none?: readonly string[]
}

const UNET = "^model.diffusion_model."

/**
 * The rules in order: the first that holds wins, so what contains something else (a checkpoint contains a VAE) comes
 * before it. Where each family's names come from is said in `test/golden-headers.ts`.
 */
export const KIND_RULES: readonly KindRule[] = [
  // Anima's adapter is called LLLite too; "lllite" in a name alone therefore says nothing.
  {
    kind: "lllite-anima",
    detail: "a ControlNet-LLLite for Anima in the old, unnamed layout, which no current program loads",
    base: "anima",
    any: ["^lllite_modules."],
  },
  {
    kind: "lllite-anima",
    detail: "a ControlNet-LLLite for Anima, v3 (conditioned on the model's own hidden states)",
    base: "anima",
    any: ["^lllite_conditioning1.proj_in."],
  },
  {
    kind: "lllite-anima",
    detail: "a ControlNet-LLLite for Anima, v2.1 (conditioned on latents)",
    base: "anima",
    any: ["^lllite_conditioning1.lat_conv1."],
  },
  {
    kind: "lllite-anima",
    detail: "a ControlNet-LLLite for Anima, v2 (conditioned on pixels)",
    base: "anima",
    any: ["^lllite_conditioning1."],
  },
  {
    kind: "lllite-anima",
    detail: "a ControlNet-LLLite for Anima, v1 (a conditioner in every module)",
    base: "anima",
    any: ["^lllite_dit_"],
  },
  { kind: "lllite", detail: "a ControlNet-LLLite for SDXL", base: "sdxl", any: ["^lllite_unet_"] },

  { kind: "control-lora", detail: "a Control-LoRA", base: "by-text", any: ["^lora_controlnet"] },
  {
    kind: "controlnet-xs",
    detail: "a ControlNet-XS (diffusers names)",
    base: "by-text",
    any: [".base_to_ctrl.", ".ctrl_to_base."],
  },
  {
    kind: "controlnet-xs",
    detail: "a ControlNet-XS (original names)",
    base: "by-text",
    any: ["enc_zero_convs_out.", "dec_zero_convs_out."],
  },
  {
    kind: "controlnet",
    detail: "a ControlNet (original names)",
    base: "by-text",
    any: ["^control_model.", "^input_hint_block.", "^zero_convs."],
    none: ["^double_blocks.0."],
  },
  {
    kind: "controlnet",
    detail: "a ControlNet (diffusers names)",
    base: "by-text",
    any: ["^controlnet_cond_embedding.", "^controlnet_down_blocks.", "^controlnet_mid_block."],
  },
  {
    kind: "controlnet",
    detail: "a ControlNet for Flux",
    base: "flux",
    any: ["^controlnet_blocks."],
    all: ["^double_blocks.0."],
  },
  {
    kind: "controlnet",
    detail: "a ControlNet for Flux",
    base: "flux",
    all: ["^controlnet_blocks.", "^single_transformer_blocks.0."],
  },
  {
    kind: "controlnet",
    detail: "a ControlNet for SD3 or another transformer model",
    any: ["^controlnet_blocks."],
  },

  // Some IP-Adapters carry a LoRA, so they come first.
  {
    kind: "ip-adapter",
    detail: "an IP-Adapter for Flux",
    base: "flux",
    any: ["ip_adapter_double_stream", "^ip_adapter_proj_model."],
  },
  { kind: "ip-adapter", detail: "an IP-Adapter", base: "by-text", any: ["^ip_adapter.", "to_k_ip."] },

  // LyCORIS' names are kohya's but for what follows the module.
  {
    kind: "lycoris",
    detail: "a LyCORIS adapter (LoHa)",
    any: [".hada_w1_a", ".hada_w1_b", ".hada_t1"],
  },
  { kind: "lycoris", detail: "a LyCORIS adapter (LoKr)", any: [".lokr_w1", ".lokr_w2"] },
  { kind: "lycoris", detail: "a LyCORIS adapter (OFT)", any: [".oft_blocks", ".oft_diag"] },
  { kind: "lycoris", detail: "a LyCORIS adapter (IA3)", any: [".on_input"] },
  {
    kind: "lycoris",
    detail: "a LyCORIS adapter",
    any: ["^lycoris_"],
  },
  {
    kind: "lora",
    detail: "a LoRA for Flux (kohya names)",
    base: "flux",
    any: ["^lora_unet_double_blocks_", "^lora_unet_single_blocks_"],
  },
  {
    kind: "lora",
    detail: "a LoRA for SD3 (kohya names)",
    base: "sd3",
    any: ["^lora_unet_joint_blocks_"],
  },
  {
    kind: "lora",
    detail: "a LoRA for SDXL (kohya names)",
    base: "sdxl",
    any: ["^lora_te2_", "^lora_unet_input_blocks_", "^lora_unet_middle_block_", "^lora_unet_output_blocks_"],
  },
  {
    kind: "lora",
    detail: "a LoRA (kohya names)",
    base: "by-text",
    any: ["^lora_unet_", "^lora_te_", "^lora_te1_", "^lora_transformer_"],
  },
  {
    kind: "lora",
    detail: "a LoRA for Flux (diffusers or PEFT names)",
    base: "flux",
    any: [".single_transformer_blocks.0.", "^single_transformer_blocks.0.", ".double_blocks.0.", "^double_blocks.0."],
    all: [".lora_A."],
  },
  {
    kind: "lora",
    detail: "a LoRA (diffusers or PEFT names)",
    base: "by-text",
    any: [
      ".lora_A.",
      ".lora_B.",
      ".lora.down.",
      ".lora.up.",
      ".lora_down.",
      ".lora_up.",
      "_lora.",
      ".lora_linear_layer.",
    ],
  },
  {
    kind: "t2i-adapter",
    detail: "a T2I-Adapter (diffusers names)",
    any: ["^adapter.body.", "^adapter.conv_in."],
  },
  { kind: "t2i-adapter", detail: "a T2I-Adapter (original names)", any: ["^body.0.block1.", "^body.0.in_conv."] },

  { kind: "sdxl-checkpoint", detail: "an SDXL checkpoint", base: "sdxl", all: [UNET, "^conditioner.embedders.1."] },
  {
    kind: "sdxl-refiner",
    detail: "an SDXL refiner checkpoint",
    base: "sdxl",
    all: [UNET, "^conditioner.embedders.0."],
  },
  {
    kind: "sd2-checkpoint",
    detail: "a Stable Diffusion 2 checkpoint",
    base: "sd2",
    all: [UNET, "^cond_stage_model.model."],
  },
  {
    kind: "sd1-checkpoint",
    detail: "a Stable Diffusion 1 checkpoint",
    base: "sd1",
    all: [UNET, "^cond_stage_model."],
  },
  {
    kind: "sd3-checkpoint",
    detail: "a Stable Diffusion 3 checkpoint",
    base: "sd3",
    any: [`${UNET}joint_blocks.0.`, "^joint_blocks.0."],
  },
  {
    kind: "sd3-checkpoint",
    detail: "a Stable Diffusion 3 transformer (diffusers names)",
    base: "sd3",
    all: ["^transformer_blocks.0.attn.add_k_proj.", "^pos_embed."],
    none: ["^single_transformer_blocks.0."],
  },
  {
    kind: "flux-checkpoint",
    detail: "a Flux checkpoint",
    base: "flux",
    any: [`${UNET}double_blocks.0.`, "^double_blocks.0."],
  },
  {
    kind: "flux-checkpoint",
    detail: "a Flux transformer (diffusers names)",
    base: "flux",
    all: ["^single_transformer_blocks.0.", "^transformer_blocks.0."],
  },
  {
    kind: "transformer-model",
    detail: "Anima or another model of its build, which has no U-Net",
    any: [`${UNET}blocks.0.`, "^net.blocks.0.", "^blocks.0.self_attn.q_proj."],
  },
  {
    kind: "transformer-model",
    detail: "a transformer diffusion model, which has no U-Net",
    any: ["^single_transformer_blocks.0.", "^transformer_blocks.0.attn.add_k_proj."],
  },

  {
    kind: "sdxl-unet",
    detail: "an SDXL U-Net (original names)",
    base: "sdxl",
    any: [`${UNET}label_emb.`, "^label_emb.0."],
  },
  { kind: "sdxl-unet", detail: "an SDXL U-Net (diffusers names)", base: "sdxl", any: ["^add_embedding.linear_1."] },
  {
    kind: "sd-unet",
    detail: "a Stable Diffusion U-Net without SDXL's size conditioning (original names)",
    base: "by-text",
    any: [`${UNET}input_blocks.`, "^input_blocks.0."],
  },
  {
    kind: "sd-unet",
    detail: "a Stable Diffusion U-Net without SDXL's size conditioning (diffusers names)",
    base: "by-text",
    all: ["^down_blocks.", "^time_embedding."],
  },
  { kind: "vae", detail: "a VAE (original names)", any: ["^first_stage_model."] },
  { kind: "vae", detail: "a VAE (original names)", all: ["^encoder.down.", "^decoder.up."] },
  { kind: "vae", detail: "a VAE (diffusers names)", all: ["^encoder.down_blocks.", "^decoder.up_blocks."] },
  {
    kind: "text-encoder",
    detail: "a CLIP text encoder",
    any: ["^text_model.", "^transformer.resblocks.", "^transformer.text_model."],
  },
  {
    kind: "text-encoder",
    detail: "a T5 text encoder",
    any: ["^encoder.block.0.layer.0.SelfAttention."],
  },
  { kind: "textual-inversion", detail: "a textual inversion for SDXL", base: "sdxl", all: ["^clip_l", "^clip_g"] },
  {
    kind: "textual-inversion",
    detail: "a textual inversion",
    any: ["^emb_params", "^string_to_param.", "^clip_l", "^clip_g"],
  },
]
