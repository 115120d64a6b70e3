// The options of sd-scripts' parsers at commit 48d368fa557731ad0488c07304dfeba8c07910eb of 2026-02-16, in their order.

/** `sdxl_train_control_net_lllite.py` */
export const TRAIN_SCRIPT = names(`
  console_log_level console_log_file console_log_simple v2 v_parameterization
  pretrained_model_name_or_path tokenizer_cache_dir metadata_title metadata_author metadata_description
  metadata_license metadata_tags metadata_usage_hint metadata_thumbnail metadata_merged_from
  metadata_trigger_phrase metadata_preprocessor metadata_is_negative_embedding train_data_dir cache_info
  shuffle_caption caption_separator caption_extension caption_extention keep_tokens
  keep_tokens_separator secondary_separator enable_wildcard caption_prefix caption_suffix
  color_aug flip_aug face_crop_aug_range random_crop debug_dataset
  resolution cache_latents vae_batch_size cache_latents_to_disk skip_cache_check
  enable_bucket min_bucket_reso max_bucket_reso bucket_reso_steps bucket_no_upscale
  resize_interpolation token_warmup_min token_warmup_step alpha_mask dataset_class
  caption_dropout_rate caption_dropout_every_n_epochs caption_tag_dropout_rate in_json dataset_repeats
  output_dir output_name huggingface_repo_id huggingface_repo_type huggingface_path_in_repo
  huggingface_token huggingface_repo_visibility save_state_to_huggingface resume_from_huggingface async_upload
  save_precision save_every_n_epochs save_every_n_steps save_n_epoch_ratio save_last_n_epochs
  save_last_n_epochs_state save_last_n_steps save_last_n_steps_state save_state save_state_on_train_end
  resume train_batch_size max_token_length mem_eff_attn torch_compile
  dynamo_backend xformers sdpa vae max_train_steps
  max_train_epochs max_data_loader_n_workers persistent_data_loader_workers seed gradient_checkpointing
  gradient_accumulation_steps mixed_precision full_fp16 full_bf16 fp8_base
  ddp_timeout ddp_gradient_as_bucket_view ddp_static_graph clip_skip logging_dir
  log_with log_prefix log_tracker_name wandb_run_name log_tracker_config
  wandb_api_key log_config noise_offset noise_offset_random_strength multires_noise_iterations
  ip_noise_gamma ip_noise_gamma_random_strength multires_noise_discount adaptive_noise_scale zero_terminal_snr
  min_timestep max_timestep loss_type huber_schedule huber_c
  huber_scale lowram highvram sample_every_n_steps sample_at_first
  sample_every_n_epochs sample_prompts sample_sampler config_file output_config
  deepspeed zero_stage offload_optimizer_device offload_optimizer_nvme_path offload_param_device
  offload_param_nvme_path zero3_init_flag zero3_save_16bit_model fp16_master_weights_and_gradients optimizer_type
  use_8bit_adam use_lion_optimizer learning_rate max_grad_norm optimizer_args
  lr_scheduler_type lr_scheduler_args lr_scheduler lr_warmup_steps lr_decay_steps
  lr_scheduler_num_cycles lr_scheduler_power fused_backward_pass lr_scheduler_timescale lr_scheduler_min_lr_ratio
  dataset_config min_snr_gamma scale_v_pred_loss_like_noise_pred v_pred_like_loss debiased_estimation_loss
  weighted_captions cache_text_encoder_outputs cache_text_encoder_outputs_to_disk disable_mmap_load_safetensors save_model_as
  cond_emb_dim network_weights network_dim network_dropout conditioning_data_dir
  no_half_vae
`)

/** `sdxl_gen_img.py` */
export const SDXL_GENERATE_SCRIPT = names(`
  console_log_level console_log_file console_log_simple prompt from_file
  interactive no_preview image_path mask_path strength
  images_per_prompt outdir sequential_file_name use_original_file_name n_iter
  H W original_height original_width original_height_negative
  original_width_negative crop_top crop_left batch_size vae_batch_size
  vae_slices no_half_vae steps sampler scale
  ckpt vae tokenizer_cache_dir seed iter_same_seed
  fp16 bf16 xformers sdpa diffusers_xformers
  opt_channels_last network_module network_weights network_mul network_args
  network_show_meta network_merge_n_models network_merge network_pre_calc network_regional_mask_max_color_codes
  textual_inversion_embeddings clip_skip max_embeddings_multiples guide_image_path highres_fix_scale
  highres_fix_steps highres_fix_strength highres_fix_save_1st highres_fix_latents_upscaling highres_fix_upscaler
  highres_fix_upscaler_args highres_fix_disable_control_net negative_scale control_net_lllite_models control_net_multipliers
  control_net_ratios clip_vision_strength ds_depth_1 ds_timesteps_1 ds_depth_2
  ds_timesteps_2 ds_ratio gradual_latent_timesteps gradual_latent_ratio gradual_latent_ratio_step
  gradual_latent_every_n_steps gradual_latent_s_noise gradual_latent_unsharp_params
`)

/** Options of `gen_img.py` that `sdxl_gen_img.py` has not. It has all of the others. */
export const GENERATE_SCRIPT_ONLY = names(`
  sdxl v1 v2 v_parameterization zero_terminal_snr
  pyramid_noise_prob pyramid_noise_discount_range noise_offset_prob noise_offset_range from_module
  prompter_module_args shuffle_prompts emb_normalize_mode force_scheduler_zero_steps_offset control_net_models
  control_net_preps
`)

function names(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}
