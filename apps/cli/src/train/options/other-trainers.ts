import type { OptionTable } from "@lllite/runtime-node/options"
import { flag, ignored, refused } from "@lllite/runtime-node/options"

const LORA = "this command trains an LLLite and no LoRA"
const TEXT_ENCODERS = "an LLLite leaves the text encoders as they are"
const OTHER_MODEL = "SDXL has no such part"
const GUI = "sd-scripts ignores this entry of the kohya_ss GUI, too"
const NO_PYTORCH = "this program does not use PyTorch"
const ONLY_PAIRS = "this trainer knows pairs of a picture and a control alone"

/**
 * Options of sd-scripts' other trainers. The kohya_ss GUI writes them into its files, and sd-scripts ignores unknown
 * options of a file. Source: kohya_ss `lora_gui.py`, `dreambooth_gui.py`, `finetune_gui.py`.
 */
export const OTHER_TRAINERS = {
  epoch: ignored(`${GUI}. The length is max_train_steps or max_train_epochs`),
  training_comment: ignored(GUI),
  noise_offset_type: ignored(GUI, { nothing: ["original"] }),
  no_token_padding: ignored(TEXT_ENCODERS),
  network_module: ignored(LORA),
  network_alpha: ignored(LORA),
  network_args: ignored(LORA),
  network_train_unet_only: ignored(LORA),
  network_train_text_encoder_only: ignored(LORA),
  dim_from_weights: ignored(LORA),
  base_weights: ignored(LORA),
  base_weights_multiplier: ignored(LORA),
  scale_weight_norms: ignored(LORA),
  loraplus_lr_ratio: ignored(LORA),
  loraplus_unet_lr_ratio: ignored(LORA),
  loraplus_text_encoder_lr_ratio: ignored(LORA),
  unet_lr: ignored(`${LORA}. The rate is learning_rate`),
  block_lr: ignored(LORA),
  text_encoder_lr: ignored(TEXT_ENCODERS),
  text_encoder_lr1: ignored(TEXT_ENCODERS),
  text_encoder_lr2: ignored(TEXT_ENCODERS),
  learning_rate_te: ignored(TEXT_ENCODERS),
  learning_rate_te1: ignored(TEXT_ENCODERS),
  learning_rate_te2: ignored(TEXT_ENCODERS),
  train_text_encoder: ignored(TEXT_ENCODERS),
  stop_text_encoder_training: ignored(TEXT_ENCODERS),
  diffusers_xformers: ignored("attention has one implementation here"),
  fused_optimizer_groups: ignored("an optimizer step needs all gradients here"),
  lowvram: ignored(GUI),
  compile: ignored(NO_PYTORCH),
  compile_backend: ignored(NO_PYTORCH),
  compile_mode: ignored(NO_PYTORCH),
  compile_dynamic: ignored(NO_PYTORCH),
  compile_fullgraph: ignored(NO_PYTORCH),
  compile_cache_size_limit: ignored(NO_PYTORCH),
  dynamo_mode: ignored(NO_PYTORCH),
  dynamo_use_dynamic: ignored(NO_PYTORCH),
  dynamo_use_fullgraph: ignored(NO_PYTORCH),
  cpu_offload_checkpointing: ignored("what gradient_checkpointing keeps is not moved here"),
  sdxl: ignored("this command always trains for SDXL"),
  reg_data_dir: refused(ONLY_PAIRS, { instead: "Leave it out. There are no regularisation pictures." }),
  masked_loss: flag({
    help: "Weigh the loss by a mask, which is the pictures' alpha: it needs alpha_mask. sd-scripts' LLLite trainer has no such option.",
  }),
  train_inpainting: refused("this command trains no inpainting model"),
  clip_l: ignored(OTHER_MODEL),
  clip_g: ignored(OTHER_MODEL),
  t5xxl: ignored(OTHER_MODEL),
  ae: ignored(OTHER_MODEL),
  blocks_to_swap: ignored(OTHER_MODEL),
  fp8_base_unet: ignored(OTHER_MODEL),
} satisfies OptionTable
