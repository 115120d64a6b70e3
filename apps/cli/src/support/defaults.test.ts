import { describe, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { GENERATE_OPTIONS } from "../generate/options.ts"
import { TRAIN_OPTIONS } from "../train/options/index.ts"
import { readTrainSettings } from "../train/settings.ts"
import { GENERATE_SCRIPT_ONLY, SDXL_GENERATE_SCRIPT, TRAIN_SCRIPT } from "./sd-scripts.ts"

/** Defaults of `sdxl_train_control_net_lllite.py` that are neither None nor False. */
const TRAIN_DEFAULTS = {
  caption_separator: ",",
  caption_extension: ".caption",
  keep_tokens: 0,
  keep_tokens_separator: "",
  vae_batch_size: 1,
  min_bucket_reso: 256,
  max_bucket_reso: 1024,
  bucket_reso_steps: 64,
  token_warmup_min: 1,
  token_warmup_step: 0,
  caption_dropout_rate: 0,
  caption_dropout_every_n_epochs: 0,
  caption_tag_dropout_rate: 0,
  dataset_repeats: 1,
  train_batch_size: 1,
  dynamo_backend: "inductor",
  max_train_steps: 1600,
  max_data_loader_n_workers: 8,
  gradient_accumulation_steps: 1,
  mixed_precision: "no",
  multires_noise_discount: 0.3,
  loss_type: "l2",
  huber_schedule: "snr",
  huber_c: 0.1,
  huber_scale: 1,
  sample_sampler: "ddim",
  zero_stage: 2,
  optimizer_type: "",
  learning_rate: 2e-6,
  max_grad_norm: 1,
  lr_scheduler_type: "",
  lr_scheduler: "constant",
  lr_warmup_steps: 0,
  lr_decay_steps: 0,
  lr_scheduler_num_cycles: 1,
  lr_scheduler_power: 1,
  save_model_as: "safetensors",
}

/** Defaults of `gen_img.py` that are neither None nor False. */
const GENERATE_DEFAULTS = {
  images_per_prompt: 1,
  outdir: "outputs",
  n_iter: 1,
  batch_size: 1,
  steps: 50,
  sampler: "ddim",
  scale: 7.5,
  highres_fix_steps: 28,
  ds_timesteps_1: 650,
  ds_timesteps_2: 650,
  ds_ratio: 0.5,
  gradual_latent_ratio: 0.5,
  gradual_latent_ratio_step: 0.125,
  gradual_latent_every_n_steps: 3,
  gradual_latent_s_noise: 1,
  emb_normalize_mode: "original",
}

/** Every option with a default of sd-scripts. Python's None is null, and False is false. */
const all = (names: readonly string[], defaults: Readonly<Record<string, unknown>>, empty: null | false) => ({
  ...Object.fromEntries(names.map((name) => [name, empty])),
  ...defaults,
})

const required = { pretrained_model_name_or_path: "tiny", output_dir: "out", dataset_config: "set.toml" }

describe("an option with the default of sd-scripts", () => {
  it.each([null, false] as const)("is taken by train without a note, where others are %s", (empty) => {
    const options = { ...all(TRAIN_SCRIPT, TRAIN_DEFAULTS, empty), ...required }
    const reader = readRecord(TRAIN_OPTIONS, {}, options)
    const { notices } = readTrainSettings(reader)
    reader.finish()
    expect(notices).toEqual([])
  })

  it.each([null, false] as const)("is taken by generate without a note, where others are %s", (empty) => {
    const names = [...SDXL_GENERATE_SCRIPT, ...GENERATE_SCRIPT_ONLY]
    const options = { ...all(names, GENERATE_DEFAULTS, empty), ckpt: "tiny", prompt: "x" }
    const reader = readRecord(GENERATE_OPTIONS, options)
    expect(reader.finish().steps).toBe(50)
    expect(reader.notes).toEqual([])
  })
})
