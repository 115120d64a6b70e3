import type { BaseModel, FileKind } from "../src/identify/index.ts"

/** A file of a family: true names of its tensors with their true shapes, and what `identify` has to say of it. */
export interface GoldenHeader {
  readonly family: string
  readonly kind: FileKind
  readonly base: BaseModel | null
  /** A part of the phrase for people. */
  readonly says: RegExp
  readonly tensors: Readonly<Record<string, readonly number[]>>
}

const SITE = "lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q"
const DIT = "lllite_dit_blocks_0_self_attn_q_proj"
const UNET = "model.diffusion_model"

/*
 * Names and shapes as the programs that write these files give them:
 * - LLLite: kohya-ss/sd-scripts `networks/control_net_lllite.py`; Anima: kohya-ss/ComfyUI-Anima-LLLite
 *   `control_net_lllite_anima.py` (`_from_saved_state_dict`, `load_lllite_weights`), docs/anima_train_control_net_lllite.md
 * - LoRA: sd-scripts `networks/lora.py`, `lora_flux.py`, `lora_sd3.py`; diffusers `loaders/lora_conversion_utils.py`; PEFT
 * - LyCORIS: KohakuBlueleaf/LyCORIS `lycoris/modules/{loha,lokr,diag_oft,ia3}.py`
 * - ControlNet: lllyasviel/ControlNet `cldm/cldm.py`; diffusers `models/controlnets/`; ControlNet-XS: diffusers
 *   `controlnet_xs.py` (`ControlNetXSAdapter`, `UNetControlNetXSModel`), vislearn/ControlNet-XS `sgm/modules/diffusionmodules`
 * - T2I-Adapter: TencentARC/T2I-Adapter `ldm/modules/encoders/adapter.py`; diffusers `models/adapter.py`
 * - IP-Adapter: tencent-ailab/IP-Adapter `ip_adapter.py`; FaceID carries a LoRA; XLabs-AI/x-flux `ip_adapter`
 * - checkpoints: CompVis/stable-diffusion, Stability-AI/{stablediffusion, generative-models, sd3-ref}, black-forest-labs/flux
 * - textual inversion: AUTOMATIC1111 `textual_inversion.py`, diffusers `examples/textual_inversion`
 */
export const GOLDEN_HEADERS: readonly GoldenHeader[] = [
  {
    family: "an SDXL LLLite",
    kind: "lllite",
    base: "sdxl",
    says: /for SDXL/,
    tensors: { [`${SITE}.conditioning1.0.weight`]: [16, 3, 4, 4], [`${SITE}.down.0.weight`]: [64, 640] },
  },
  {
    family: "an SDXL LLLite with a shared trunk",
    kind: "lllite",
    base: "sdxl",
    says: /for SDXL with a shared trunk/,
    tensors: { "lllite_conditioning1.depth2.0.weight": [16, 3, 4, 4], [`${SITE}.down.0.weight`]: [64, 640] },
  },
  {
    family: "an Anima LLLite v1",
    kind: "lllite-anima",
    base: "anima",
    says: /Anima, v1/,
    tensors: { [`${DIT}.conditioning1.0.weight`]: [16, 3, 4, 4], [`${DIT}.down.0.weight`]: [64, 2048] },
  },
  {
    family: "an Anima LLLite v2",
    kind: "lllite-anima",
    base: "anima",
    says: /Anima, v2 /,
    tensors: {
      [`${DIT}.depth_embed`]: [64],
      [`${DIT}.down.weight`]: [64, 2048],
      "lllite_conditioning1.conv1.weight": [64, 3, 4, 4],
      "lllite_conditioning1.resblocks.0.conv1.weight": [128, 128, 3, 3],
      "lllite_conditioning1.proj.weight": [64, 128, 1, 1],
    },
  },
  {
    family: "an Anima LLLite v2 for inpainting",
    kind: "lllite-anima",
    base: "anima",
    says: /Anima, v2 /,
    tensors: { [`${DIT}.down.weight`]: [64, 2048], "lllite_conditioning1.conv1.weight": [64, 4, 4, 4] },
  },
  {
    family: "an Anima LLLite v2.1",
    kind: "lllite-anima",
    base: "anima",
    says: /v2\.1 .*latents/,
    tensors: { [`${DIT}.down.weight`]: [64, 2048], "lllite_conditioning1.lat_conv1.weight": [128, 16, 3, 3] },
  },
  {
    family: "an Anima LLLite v3",
    kind: "lllite-anima",
    base: "anima",
    says: /v3 .*hidden states/,
    tensors: {
      [`${DIT}.down.weight`]: [64, 2048],
      [`${DIT}.gate.weight`]: [1, 64],
      "lllite_conditioning1.ln_in.weight": [2048],
      "lllite_conditioning1.proj_in.weight": [128, 2048],
      "lllite_conditioning1.t_proj.weight": [64, 2048],
    },
  },
  {
    family: "an Anima LLLite of before v2",
    kind: "lllite-anima",
    base: "anima",
    says: /old, unnamed/,
    tensors: {
      "lllite_modules.0.down.weight": [64, 2048],
      "conditioning1.0.weight": [16, 3, 4, 4],
      depth_embeds: [28, 64],
    },
  },
  {
    family: "a kohya LoRA for SD1",
    kind: "lora",
    base: "sd1",
    says: /LoRA \(kohya/,
    tensors: {
      "lora_te_text_model_encoder_layers_0_mlp_fc1.alpha": [],
      "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": [8, 768],
    },
  },
  {
    family: "a kohya LoRA for SD2",
    kind: "lora",
    base: "sd2",
    says: /LoRA \(kohya/,
    tensors: {
      "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.alpha": [],
      "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": [8, 1024],
    },
  },
  {
    family: "a kohya LoRA for SDXL",
    kind: "lora",
    base: "sdxl",
    says: /LoRA for SDXL/,
    tensors: {
      "lora_te1_text_model_encoder_layers_0_mlp_fc1.alpha": [],
      "lora_te2_text_model_encoder_layers_0_mlp_fc1.alpha": [],
      "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_down.weight": [8, 2048],
    },
  },
  {
    family: "a kohya LoRA for Flux",
    kind: "lora",
    base: "flux",
    says: /Flux/,
    tensors: {
      "lora_te1_text_model_encoder_layers_0_mlp_fc1.alpha": [],
      "lora_unet_double_blocks_0_img_attn_proj.lora_down.weight": [16, 3072],
    },
  },
  {
    family: "a kohya LoRA for SD3",
    kind: "lora",
    base: "sd3",
    says: /SD3/,
    tensors: { "lora_unet_joint_blocks_0_x_block_attn_qkv.lora_down.weight": [16, 1536] },
  },
  {
    family: "an old diffusers LoRA",
    kind: "lora",
    base: "sd1",
    says: /diffusers/,
    tensors: {
      "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.down.weight": [4, 768],
      "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.up.weight": [320, 4],
    },
  },
  {
    family: "a diffusers LoRA for SDXL",
    kind: "lora",
    base: "sdxl",
    says: /diffusers/,
    tensors: { "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight": [16, 2048] },
  },
  {
    family: "a PEFT LoRA",
    kind: "lora",
    base: "sdxl",
    says: /PEFT/,
    tensors: {
      "base_model.model.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight": [16, 2048],
    },
  },
  {
    family: "a diffusers LoRA for Flux",
    kind: "lora",
    base: "flux",
    says: /Flux/,
    tensors: { "transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight": [16, 3072] },
  },
  {
    family: "a LoHa",
    kind: "lycoris",
    base: null,
    says: /LoHa/,
    tensors: {
      "lora_unet_input_blocks_4_1_proj_in.hada_w1_a": [640, 4],
      "lora_unet_input_blocks_4_1_proj_in.alpha": [],
    },
  },
  {
    family: "a LoKr",
    kind: "lycoris",
    base: null,
    says: /LoKr/,
    tensors: { "lora_unet_mid_block_attentions_0_proj_in.lokr_w1": [4, 4] },
  },
  {
    family: "a Diag-OFT",
    kind: "lycoris",
    base: null,
    says: /OFT/,
    tensors: { "lora_unet_mid_block_attentions_0_proj_in.oft_blocks": [4, 320, 320] },
  },
  {
    family: "an IA3",
    kind: "lycoris",
    base: null,
    says: /IA3/,
    tensors: {
      "lora_unet_mid_block_attentions_0_proj_in.weight": [1, 320],
      "lora_unet_mid_block_attentions_0_proj_in.on_input": [],
    },
  },
  {
    family: "a Control-LoRA",
    kind: "control-lora",
    base: null,
    says: /Control-LoRA/,
    tensors: { lora_controlnet: [0], "input_blocks.0.0.weight": [320, 4, 3, 3], "label_emb.0.0.down": [256, 2816] },
  },
  {
    family: "a ControlNet for SD1",
    kind: "controlnet",
    base: "sd1",
    says: /original/,
    tensors: {
      "control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": [320, 768],
      "control_model.zero_convs.0.0.weight": [320, 320, 1, 1],
    },
  },
  {
    family: "a bare ControlNet for SDXL",
    kind: "controlnet",
    base: "sdxl",
    says: /original/,
    tensors: {
      "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": [640, 2048],
      "input_hint_block.0.weight": [16, 3, 3, 3],
      "zero_convs.0.0.weight": [320, 320, 1, 1],
    },
  },
  {
    family: "a diffusers ControlNet for SDXL",
    kind: "controlnet",
    base: "sdxl",
    says: /diffusers/,
    tensors: {
      "add_embedding.linear_1.weight": [1280, 2816],
      "controlnet_cond_embedding.conv_in.weight": [16, 3, 3, 3],
      "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight": [640, 2048],
    },
  },
  {
    family: "a diffusers ControlNet for Flux",
    kind: "controlnet",
    base: "flux",
    says: /Flux/,
    tensors: {
      "controlnet_blocks.0.weight": [3072, 3072],
      "single_transformer_blocks.0.attn.to_q.weight": [3072, 3072],
    },
  },
  {
    family: "a diffusers ControlNet for SD3",
    kind: "controlnet",
    base: null,
    says: /SD3/,
    tensors: {
      "controlnet_blocks.0.weight": [1536, 1536],
      "transformer_blocks.0.attn.add_k_proj.weight": [1536, 1536],
    },
  },
  {
    family: "a diffusers ControlNet-XS",
    kind: "controlnet-xs",
    base: "sdxl",
    says: /XS \(diffusers/,
    tensors: {
      "controlnet_cond_embedding.conv_in.weight": [16, 3, 3, 3],
      "down_blocks.0.base_to_ctrl.0.weight": [320, 320, 1, 1],
      "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight": [64, 2048],
      "up_connections.0.ctrl_to_base.0.weight": [1280, 128, 1, 1],
    },
  },
  {
    family: "an original ControlNet-XS",
    kind: "controlnet-xs",
    base: null,
    says: /XS \(original/,
    tensors: {
      "control_model.enc_zero_convs_out.0.0.weight": [320, 32, 1, 1],
      "input_hint_block.0.weight": [16, 3, 3, 3],
    },
  },
  {
    family: "a T2I-Adapter",
    kind: "t2i-adapter",
    base: null,
    says: /original/,
    tensors: { "body.0.block1.weight": [320, 320, 3, 3], "conv_in.weight": [320, 192, 3, 3] },
  },
  {
    family: "a diffusers T2I-Adapter",
    kind: "t2i-adapter",
    base: null,
    says: /diffusers/,
    tensors: { "adapter.body.0.resnets.0.block1.weight": [320, 320, 3, 3], "adapter.conv_in.weight": [320, 192, 3, 3] },
  },
  {
    family: "an IP-Adapter for SDXL",
    kind: "ip-adapter",
    base: "sdxl",
    says: /IP-Adapter/,
    tensors: { "image_proj.proj.weight": [8192, 1280], "ip_adapter.1.to_k_ip.weight": [640, 2048] },
  },
  {
    family: "an IP-Adapter with a LoRA (FaceID)",
    kind: "ip-adapter",
    base: "sd1",
    says: /IP-Adapter/,
    tensors: { "ip_adapter.0.to_q_lora.down.weight": [128, 320], "ip_adapter.1.to_k_ip.weight": [320, 768] },
  },
  {
    family: "an IP-Adapter for Flux",
    kind: "ip-adapter",
    base: "flux",
    says: /Flux/,
    tensors: {
      "double_blocks.0.processor.ip_adapter_double_stream_k_proj.weight": [3072, 4096],
      "ip_adapter_proj_model.proj.weight": [16384, 768],
    },
  },
  {
    family: "an SDXL checkpoint",
    kind: "sdxl-checkpoint",
    base: "sdxl",
    says: /SDXL checkpoint/,
    tensors: {
      [`${UNET}.input_blocks.0.0.weight`]: [320, 4, 3, 3],
      "conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight": [49408, 768],
      "conditioner.embedders.1.model.ln_final.weight": [1280],
      "first_stage_model.decoder.conv_in.weight": [512, 4, 3, 3],
    },
  },
  {
    family: "an SDXL refiner",
    kind: "sdxl-refiner",
    base: "sdxl",
    says: /refiner/,
    tensors: {
      [`${UNET}.input_blocks.0.0.weight`]: [384, 4, 3, 3],
      "conditioner.embedders.0.model.ln_final.weight": [1280],
    },
  },
  {
    family: "an SD2 checkpoint",
    kind: "sd2-checkpoint",
    base: "sd2",
    says: /Diffusion 2/,
    tensors: {
      [`${UNET}.input_blocks.0.0.weight`]: [320, 4, 3, 3],
      "cond_stage_model.model.ln_final.weight": [1024],
    },
  },
  {
    family: "an SD1 checkpoint",
    kind: "sd1-checkpoint",
    base: "sd1",
    says: /Diffusion 1/,
    tensors: {
      [`${UNET}.input_blocks.0.0.weight`]: [320, 4, 3, 3],
      "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight": [49408, 768],
    },
  },
  {
    family: "an SD3 checkpoint",
    kind: "sd3-checkpoint",
    base: "sd3",
    says: /Diffusion 3/,
    tensors: {
      [`${UNET}.joint_blocks.0.x_block.attn.qkv.weight`]: [4608, 1536],
      "first_stage_model.decoder.conv_in.weight": [512, 16, 3, 3],
    },
  },
  {
    family: "a diffusers SD3 transformer",
    kind: "sd3-checkpoint",
    base: "sd3",
    says: /diffusers/,
    tensors: {
      "pos_embed.proj.weight": [1536, 16, 2, 2],
      "transformer_blocks.0.attn.add_k_proj.weight": [1536, 1536],
    },
  },
  {
    family: "Flux",
    kind: "flux-checkpoint",
    base: "flux",
    says: /Flux/,
    tensors: { "double_blocks.0.img_attn.qkv.weight": [9216, 3072], "single_blocks.0.linear1.weight": [21504, 3072] },
  },
  {
    family: "Flux with its text encoders",
    kind: "flux-checkpoint",
    base: "flux",
    says: /Flux/,
    tensors: {
      [`${UNET}.double_blocks.0.img_attn.qkv.weight`]: [9216, 3072],
      "text_encoders.clip_l.transformer.text_model.final_layer_norm.weight": [768],
    },
  },
  {
    family: "a diffusers Flux transformer",
    kind: "flux-checkpoint",
    base: "flux",
    says: /diffusers/,
    tensors: {
      "single_transformer_blocks.0.attn.to_q.weight": [3072, 3072],
      "transformer_blocks.0.attn.add_k_proj.weight": [3072, 3072],
    },
  },
  {
    family: "Anima",
    kind: "transformer-model",
    base: null,
    says: /Anima/,
    tensors: { "net.blocks.0.self_attn.q_proj.weight": [2048, 2048] },
  },
  {
    family: "an SDXL U-Net",
    kind: "sdxl-unet",
    base: "sdxl",
    says: /original/,
    tensors: { [`${UNET}.input_blocks.0.0.weight`]: [320, 4, 3, 3], [`${UNET}.label_emb.0.0.weight`]: [1280, 2816] },
  },
  {
    family: "a diffusers SDXL U-Net",
    kind: "sdxl-unet",
    base: "sdxl",
    says: /diffusers/,
    tensors: {
      "add_embedding.linear_1.weight": [1280, 2816],
      "down_blocks.0.resnets.0.conv1.weight": [320, 320, 3, 3],
      "time_embedding.linear_1.weight": [1280, 320],
    },
  },
  {
    family: "a diffusers SD1 U-Net",
    kind: "sd-unet",
    base: "sd1",
    says: /diffusers/,
    tensors: {
      "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight": [320, 768],
      "time_embedding.linear_1.weight": [1280, 320],
    },
  },
  {
    family: "an SD1 U-Net",
    kind: "sd-unet",
    base: "sd1",
    says: /original/,
    tensors: { [`${UNET}.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight`]: [320, 768] },
  },
  {
    family: "a VAE out of a checkpoint",
    kind: "vae",
    base: null,
    says: /VAE/,
    tensors: { "first_stage_model.decoder.conv_in.weight": [512, 4, 3, 3] },
  },
  {
    family: "a VAE",
    kind: "vae",
    base: null,
    says: /original/,
    tensors: {
      "encoder.down.0.block.0.conv1.weight": [128, 128, 3, 3],
      "decoder.up.0.block.0.conv1.weight": [128, 256, 3, 3],
    },
  },
  {
    family: "a diffusers VAE",
    kind: "vae",
    base: null,
    says: /diffusers/,
    tensors: {
      "encoder.down_blocks.0.resnets.0.conv1.weight": [128, 128, 3, 3],
      "decoder.up_blocks.0.resnets.0.conv1.weight": [512, 512, 3, 3],
    },
  },
  {
    family: "CLIP-L",
    kind: "text-encoder",
    base: null,
    says: /CLIP/,
    tensors: { "text_model.embeddings.token_embedding.weight": [49408, 768] },
  },
  {
    family: "CLIP-L as transformers 5 saves it",
    kind: "text-encoder",
    base: null,
    says: /CLIP/,
    tensors: {
      "embeddings.token_embedding.weight": [49408, 768],
      "encoder.layers.0.layer_norm1.weight": [768],
    },
  },
  {
    family: "T5",
    kind: "text-encoder",
    base: null,
    says: /T5/,
    tensors: { "encoder.block.0.layer.0.SelfAttention.q.weight": [4096, 4096], "shared.weight": [32128, 4096] },
  },
  {
    family: "an embedding",
    kind: "textual-inversion",
    base: null,
    says: /textual inversion/,
    tensors: { emb_params: [4, 768] },
  },
  {
    family: "an SDXL embedding",
    kind: "textual-inversion",
    base: "sdxl",
    says: /SDXL/,
    tensors: { clip_g: [4, 1280], clip_l: [4, 768] },
  },
  {
    family: "a diffusers embedding",
    kind: "textual-inversion",
    base: "sd1",
    says: /diffusers/,
    tensors: { "<猫-β>": [1, 768] },
  },
  { family: "nothing", kind: "empty", base: null, says: /without tensors/, tensors: {} },
  { family: "anything else", kind: "unknown", base: null, says: /unknown/, tensors: { weight: [3, 3], bias: [3] } },
]
