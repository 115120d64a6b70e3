import { describe, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { TRAIN_OPTIONS } from "./options/index.ts"
import { saveRhythms } from "./save-rhythm.ts"
import { readTrainSettings } from "./settings.ts"

const least = {
  pretrained_model_name_or_path: "tiny",
  train_data_dir: "images",
  conditioning_data_dir: "controls",
  output_dir: "out",
  resolution: "64",
}
const read = (more: Record<string, unknown> = {}, file: Record<string, unknown> = {}) => {
  const reader = readRecord(TRAIN_OPTIONS, { ...least, ...more }, file)
  const settings = readTrainSettings(reader)
  reader.finish()
  return settings
}

describe("readTrainSettings", () => {
  it("fills in defaults", () => {
    expect(read()).toMatchObject({
      model: { checkpoint: "tiny" },
      vaeSlices: undefined,
      vParameterization: false,
      networkWeights: undefined,
      networkDim: 64,
      condEmbDim: 32,
      datasetConfig: undefined,
      dataset: { source: { imageDir: "images", conditioningDataDir: "controls" } },
      resolution: [64, 64],
      trainBatchSize: 1,
      captionExtension: ".caption",
      length: { steps: 1600 },
      seed: 0,
      learningRate: 2e-4,
      lr: { curve: "constant" },
      conditioner: "own",
      conditionerInit: "default",
      minTimestep: 0,
      maxTimestep: 1000,
      recordsTimesteps: false,
      lossType: "l2",
      outputName: "last",
      dtype: "F32",
      saveEvery: {},
      notices: [],
    })
  })

  it("prefers the command line to the file", () => {
    expect(read({ seed: "2" }, { seed: 1, network_dim: 16 })).toMatchObject({ seed: 2, networkDim: 16 })
    // A value that turns the option off has priority, too.
    expect(read({ vae: "" }, { vae: "v.safetensors" }).vae).toBeUndefined()
  })

  it("takes folders or a file of data sets", () => {
    const { dataset, notices } = read({ dataset_config: "set.toml", dataset_repeats: 2 })
    expect(dataset.source).toEqual({ config: "set.toml" })
    expect(dataset.nameOf("batchSize")).toBe("--train_batch_size")
    expect(notices).toEqual([
      "--train_data_dir has no effect: --dataset_config is given.",
      "--conditioning_data_dir has no effect: --dataset_config is given.",
    ])
  })

  it("leaves out the scale of a Huber schedule that has none, as sd-scripts does", () => {
    const huber = { loss_type: "huber", huber_scale: 2 }
    const { huber: found, notices } = read(huber)
    expect(found).toEqual({ schedule: "snr" })
    expect(notices).toEqual(["--huber_scale has no effect: --huber_schedule is snr."])
    expect(read({ ...huber, huber_schedule: "constant" })).toMatchObject({ huber: { scale: 2 }, notices: [] })
  })

  it("says that repeats of folders need a file of data sets", () => {
    expect(read({ dataset_repeats: 2 }).notices).toEqual([
      "--dataset_repeats has no effect: --dataset_config is not given.",
    ])
    expect(read({ dataset_repeats: 1 }).notices).toEqual([])
  })

  it("says which files it writes beside the pictures", () => {
    const disk = { cache_latents_to_disk: true, cache_text_encoder_outputs_to_disk: true }
    expect(read(disk).notices).toEqual([
      "--cache_latents_to_disk keeps latents beside each picture, in a file such as NAME_0512x0768_sdxl.npz.",
      "--cache_text_encoder_outputs_to_disk keeps the encoded caption beside each picture, in a file such as NAME_te_outputs.npz.",
    ])
    expect(read().notices).toEqual([])
  })

  it("takes a metadata file for the folders, and says that a file of data sets replaces it", () => {
    expect(read({ in_json: "meta.json" })).toMatchObject({ inJson: "meta.json", notices: [] })
    expect(read({ in_json: "meta.json" }).dataset.nameOf("metadataFile")).toBe("--in_json")
    expect(read({ in_json: "meta.json", dataset_config: "set.toml" }).notices).toContain(
      "--in_json has no effect: --dataset_config is given. Write it as metadata_file of a subset there.",
    )
  })

  it("turns the rate's options into core's, and passes over those that ask for nothing", () => {
    const usual = { lr_warmup_steps: 0, lr_scheduler_num_cycles: 1, lr_scheduler_power: 1 }
    expect(read(usual).lr).toEqual({ curve: "constant" })
    expect(
      read({ lr_scheduler: "cosine_with_min_lr", lr_scheduler_min_lr_ratio: 0.1, lr_scheduler_num_cycles: 3 }).lr,
    ).toEqual({ curve: "cosine_with_min_lr", minRatio: 0.1, cycles: 3 })
    expect(read({ lr_scheduler: "warmup_stable_decay", lr_warmup_steps: 10, lr_decay_steps: 0.2 }).lr).toEqual({
      curve: "warmup_stable_decay",
      warmup: { steps: 10 },
      decay: { share: 0.2 },
    })
  })

  it("turns the loss's options into core's", () => {
    const options = { loss_type: "huber", huber_schedule: "constant", huber_c: 0.2, min_snr_gamma: 5 }
    expect(read({ ...options, debiased_estimation_loss: true })).toMatchObject({
      lossType: "huber",
      huber: { schedule: "constant", delta: 0.2 },
      lossWeights: { minSnrGamma: 5, debiased: true },
    })
  })

  it.each([
    [{}, { name: "adamw" }],
    [{ optimizer_type: "", optimizer_args: [] }, { name: "adamw" }],
    [{ optimizer_args: ["betas=0.8,0.95"] }, { name: "adamw", beta1: 0.8, beta2: 0.95 }],
    [{ optimizer_type: "AdamW8bit" }, { name: "adamw8bit" }],
    [{ use_8bit_adam: true }, { name: "adamw8bit" }],
    [
      { use_lion_optimizer: true, optimizer_args: ["weight_decay=0.1"] },
      { name: "lion", weightDecay: 0.1 },
    ],
    [{ optimizer_type: "came_pytorch.CAME" }, { name: "came" }],
    [
      { optimizer_type: "Prodigy", optimizer_args: "d_coef=2 decouple=True" },
      { name: "prodigy", dCoef: 2, decouple: true },
    ],
  ])("turns the optimizer %j into core's", (options, optimizer) => {
    expect(read({}, options).optimizer).toEqual(optimizer)
  })

  it.each([
    [{ optimizer_args: ["eps=tiny"] }, '--optimizer_args has "eps=tiny", expected a number of at least 0'],
    [
      { optimizer_type: "lion", optimizer_args: ["eps=1"] },
      '--optimizer_args has "eps=1", expected betas=…, weight_decay=…',
    ],
    [{ optimizer_args: [7] }, "--optimizer_args has 7, expected name=value"],
    [{ optimizer_type: "plain" }, '--optimizer_type is "plain", expected one of adamw, adamw8bit,'],
    [{ use_8bit_adam: true, optimizer_type: "lion" }, "--optimizer_type and --use_8bit_adam exclude each other"],
    [{ use_8bit_adam: true, use_lion_optimizer: true }, "--use_8bit_adam and --use_lion_optimizer exclude each other"],
  ])("refuses the optimizer %j", (options, message) => {
    expect(() => read(options)).toThrow(message)
  })

  it("reads captions in chunks", () => {
    expect(
      [{}, { max_token_length: 150 }, { max_token_length: 225 }].map((options) => read(options).captionChunks),
    ).toEqual([1, 2, 3])
    expect(() => read({ max_token_length: 100 })).toThrow("--max_token_length is 100, expected 75, 150 or 225")
  })

  it("saves as often as steps, epochs and a ratio ask for", () => {
    const rhythms = (options: Record<string, number>, plan = { steps: 40, perEpoch: 4 }) =>
      saveRhythms(read(options).saveEvery, plan).map(({ unit, count, every }) => [unit, count, every])
    expect(rhythms({})).toEqual([])
    expect(rhythms({ save_every_n_steps: 3, save_every_n_epochs: 2 })).toEqual([
      ["steps", 3, 3],
      ["epochs", 2, 8],
    ])
    // Ten epochs, also where the length is a number of steps.
    expect(rhythms({ save_n_epoch_ratio: 4, save_every_n_epochs: 1 })).toEqual([["epochs", 2, 8]])
    expect(rhythms({ save_n_epoch_ratio: 4 }, { steps: 9, perEpoch: 4 })).toEqual([["epochs", 1, 4]])
    expect(rhythms({ save_n_epoch_ratio: 1 }, { steps: 26, perEpoch: 4 })).toEqual([["epochs", 7, 28]])
  })

  it("says which options of saving have no effect, and which one replaces which", () => {
    const last = {
      save_last_n_steps: 2,
      save_last_n_steps_state: 2,
      save_last_n_epochs: 3,
      save_last_n_epochs_state: 3,
    }
    expect(read(last).notices).toEqual([
      "--save_last_n_steps has no effect without --save_every_n_steps.",
      "--save_last_n_steps_state has no effect without --save_every_n_steps.",
      "--save_last_n_epochs has no effect without --save_every_n_epochs or --save_n_epoch_ratio.",
      "--save_last_n_epochs_state has no effect without --save_every_n_epochs or --save_n_epoch_ratio.",
    ])
    const rhythms = { save_every_n_steps: 2, save_n_epoch_ratio: 2 }
    expect(read({ ...last, ...rhythms }).notices).toEqual([
      "--save_last_n_steps_state has no effect without --save_state.",
      "--save_last_n_epochs_state has no effect without --save_state.",
    ])
    expect(read({ ...last, ...rhythms, save_state: true }).notices).toEqual([])
    expect(read({ ...rhythms, save_every_n_epochs: 1, max_train_steps: 9, max_train_epochs: 2 }).notices).toEqual([
      "--max_train_steps has no effect: --max_train_epochs is given.",
      "--save_every_n_epochs has no effect: --save_n_epoch_ratio is given.",
    ])
  })

  it("says that a sampler needs pictures to draw, but for the one that is always written", () => {
    const without = "has no effect without --sample_every_n_steps or --sample_every_n_epochs."
    expect(read({ sample_sampler: "euler_a" }).notices).toEqual([`--sample_sampler ${without}`])
    expect(read({ sample_sampler: "ddim" }).notices).toEqual([])
    expect(read({ sample_sampler: "euler_a", sample_at_first: true }).notices).toEqual([])
  })

  it("continues from a state, which replaces the options of the run's start", () => {
    expect(read({ resume: "last-state", network_dim: 8, sites: "output" })).toMatchObject({
      ...{ resume: "last-state", networkDim: 8, notices: [] },
    })
    expect(read({ resume: "last-state", conditioner_init: "normalised" }).notices).toEqual([])
    expect(read({ resume: "last-state" }, { network_weights: "a.safetensors" }).notices).toEqual([
      "network_weights has no effect: the state of --resume has its own LLLite.",
    ])
    expect(read({ network_weights: "a.safetensors", conditioner_init: "normalised" }).notices).toEqual([
      "--conditioner_init has no effect: the LLLite of --network_weights has its own values.",
    ])
  })

  it("takes batches of a step and dropout", () => {
    expect(read({ gradient_accumulation_steps: 4, network_dropout: 0.1 })).toMatchObject({
      ...{ gradientAccumulationSteps: 4, networkDropout: 0.1 },
      notices: [],
    })
    expect(read({}, { gradient_accumulation_steps: 1, network_dropout: 0 })).toMatchObject({ notices: [] })
    expect(() => read({ gradient_accumulation_steps: 0 })).toThrow("expected a whole number from 1 to 100000")
    expect(() => read({ network_dropout: 1 })).toThrow("expected a number of at least 0 and below 1")
  })

  it("turns options of noise into core's", () => {
    const offsets = { noise_offset: 0.05, noise_offset_random_strength: true, adaptive_noise_scale: 0.1 }
    const others = { multires_noise_iterations: 6, multires_noise_discount: 0.8, ip_noise_gamma: 0.1 }
    expect(read({ ...offsets, ...others }, {})).toMatchObject({
      noise: {
        ...{ offset: 0.05, randomOffset: true, adaptiveOffset: 0.1 },
        ...{ multires: { iterations: 6, discount: 0.8 }, inputPerturbation: 0.1, randomInputPerturbation: false },
      },
      notices: [],
    })
    // The kohya_ss GUI writes these into every file.
    const nothing = {
      noise_offset: 0,
      adaptive_noise_scale: 0,
      multires_noise_iterations: 0,
      multires_noise_discount: 0.3,
    }
    expect(read({}, { ...nothing, ip_noise_gamma: 0 })).toMatchObject({ noise: {}, notices: [] })
  })

  it("refuses or names options of noise that act through another one", () => {
    expect(() => read({ adaptive_noise_scale: 0.1 })).toThrow("--adaptive_noise_scale needs --noise_offset")
    expect(
      read({ noise_offset_random_strength: true, multires_noise_discount: 0.8, zero_terminal_snr: true }).notices,
    ).toEqual([
      "--noise_offset_random_strength has no effect: --noise_offset is not given.",
      "--multires_noise_discount has no effect: --multires_noise_iterations is not given.",
      "--zero_terminal_snr is meant for a checkpoint that predicts v, with --v_parameterization.",
    ])
  })

  it("says what has no effect beside an optimizer", () => {
    expect(read({ optimizer_type: "adafactor", lr_scheduler: "cosine", optimizer_args: ["fused=True"] })).toMatchObject(
      {
        lr: { curve: "constant" },
        notices: [
          "--optimizer_args: fused has no effect here.",
          "--learning_rate has no effect: the steps of adafactor follow from their number. relative_step=False in --optimizer_args takes the rate.",
          "--lr_scheduler has no effect: adafactor has its own schedule.",
        ],
      },
    )
    const usual = { lr_scheduler_num_cycles: 1, lr_scheduler_power: 1, lr_warmup_steps: 0 }
    expect(read({ optimizer_type: "AdamWScheduleFree", ...usual }).notices).toEqual([])
    expect(read({ optimizer_type: "AdamWScheduleFree", ...usual, lr_warmup_steps: 10 }).notices).toEqual([
      "--lr_warmup_steps has no effect: adamwschedulefree has its own schedule.",
    ])
    const fixed = { optimizer_type: "adafactor", lr_scheduler: "cosine", optimizer_args: ["relative_step=False"] }
    expect(read(fixed)).toMatchObject({ lr: { curve: "cosine" }, notices: [] })
    expect(read({ optimizer_type: "AdamWScheduleFree", lr_scheduler: "cosine" })).toMatchObject({
      lr: { curve: "constant" },
      notices: ["--lr_scheduler has no effect: adamwschedulefree has its own schedule."],
    })
    expect(read({ optimizer_type: "AdamW8bit" }).notices).toEqual([
      "--optimizer_type is AdamW8bit, which keeps 8 bits of its means. AdamW keeps 32, and an LLLite is small.",
    ])
    expect(read({ optimizer_type: "prodigy", learning_rate: 1e-4 }).notices).toEqual([
      "--learning_rate is 0.0001. prodigy finds the size of its steps and multiplies it with the rate, which is usually 1.",
    ])
    expect(read({ optimizer_type: "prodigy", learning_rate: 1 }).notices).toEqual([])
  })

  it("says which options have no effect", () => {
    expect(read({ xformers: true, mixed_precision: "bf16", lowram: false }).notices).toEqual([
      "--xformers has no effect: attention has one implementation here.",
      "--mixed_precision has no effect: training computes in float32.",
    ])
    expect(read({ lowram: true, highvram: true, sdpa: true }).notices).toEqual([
      "--lowram and --highvram have no effect: weights are always read one tensor at a time.",
      "--sdpa has no effect: attention has one implementation here.",
    ])
  })

  it("draws strengths only below 1", () => {
    const range = { strength_floor: 0.3, strength_top: 0.8, strength_power: 2, strength_skew: 0.5, strength_gap: 0.6 }
    const expected = { min: 0.2, floor: 0.3, top: 0.8, power: 2, skew: 0.5, gap: 0.6 }
    expect(read({ min_strength: 0.2, ...range }).strengthRange).toEqual(expected)
    expect(read({ min_strength: 0 }).strengthRange).toEqual({ min: 0 })
    const { strengthRange, notices } = read(range)
    expect(strengthRange).toBeNull()
    expect(notices).toEqual([
      "--strength_floor has no effect: --min_strength is 1.",
      "--strength_top has no effect: --min_strength is 1.",
      "--strength_power has no effect: --min_strength is 1.",
      "--strength_skew has no effect: --min_strength is 1.",
      "--strength_gap has no effect: --min_strength is 1.",
    ])
  })

  it("says which options have no effect beside others, and leaves them out", () => {
    const { notices, lr } = read({ lr_warmup_steps: 10, lr_scheduler_num_cycles: 3, huber_c: 0.2, huber_scale: 1 })
    expect(lr).toEqual({ curve: "constant" })
    expect(notices).toEqual([
      "--lr_warmup_steps has no effect: --lr_scheduler is constant.",
      "--lr_scheduler_num_cycles has no effect: --lr_scheduler is constant.",
      "--huber_c has no effect: --loss_type is l2.",
    ])
  })

  it("takes the options that the kohya_ss GUI writes for LoRAs, with one note for each reason", () => {
    const file = {
      ...{ epoch: 8, network_module: "networks.lora", network_alpha: 16, unet_lr: 1e-4, text_encoder_lr: [1e-5, 1e-5] },
      ...{
        scale_weight_norms: 0,
        noise_offset_type: "Original",
        prior_loss_weight: 1,
        persistent_data_loader_workers: 0,
      },
      ...{ huggingface_repo_type: "model", sample_sampler: "euler_a", sample_prompts: "out/prompt.txt" },
      ...{ log_with: "tensorboard", wandb_run_name: "last", logging_dir: "logs", stop_text_encoder_training: 0 },
    }
    expect(read({}, file).notices).toEqual([
      expect.stringMatching(/^epoch has no effect: .*max_train_steps or max_train_epochs\.$/),
      "network_module and network_alpha have no effect: this command trains an LLLite and no LoRA.",
      expect.stringMatching(/^unet_lr has no effect: .*The rate is learning_rate\.$/),
      "text_encoder_lr has no effect: an LLLite leaves the text encoders as they are.",
      expect.stringMatching(/^wandb_run_name has no effect: nothing is sent to W&B\./),
      "sample_prompts and sample_sampler have no effect without --sample_every_n_steps or --sample_every_n_epochs.",
    ])
  })

  it("takes what newer versions of the kohya_ss GUI write, and what stands there for accelerate", () => {
    const file = {
      ...{ loraplus_lr_ratio: 16, lowvram: true, cpu_offload_checkpointing: true },
      ...{ compile: true, compile_mode: "default", compile_cache_size_limit: 32, dynamo_mode: "default" },
    }
    expect(read({}, file).notices).toEqual([
      "loraplus_lr_ratio has no effect: this command trains an LLLite and no LoRA.",
      expect.stringMatching(/^lowvram has no effect: /),
      expect.stringMatching(/^cpu_offload_checkpointing has no effect: /),
      "compile, compile_mode, compile_cache_size_limit and dynamo_mode have no effect: this program does not use PyTorch.",
    ])
  })

  it("reads where a run is logged, and which options the log shows", () => {
    expect(read({}).log).toBeNull()
    const log = { logging_dir: "logs", log_prefix: "canny-", log_config: true, optimizer_type: "lion" }
    const { log: found, notices } = read({ ...log, seed: String(2n ** 60n), log_with: "all" })
    expect(found).toMatchObject({ dir: "logs", prefix: "canny-", trackerName: "lllite_control_net_train" })
    expect(found?.options).toMatchObject({ seed: String(2n ** 60n), optimizerType: "lion", logConfig: true })
    // Paths may name people.
    expect(Object.keys(found?.options ?? {})).not.toContain("trainDataDir")
    expect(notices.join()).toContain("--log_with all writes TensorBoard's file alone")
    expect(read({ log_prefix: "a" }).notices).toEqual(["--log_prefix has no effect without --logging_dir."])
    expect(() => read({ log_with: "tensorboard" })).toThrow("--log_with needs --logging_dir")
  })

  it.each([
    [{ resolution: undefined }, /--resolution is missing/],
    [{ resolution: "100" }, /--resolution is 100x100, expected multiples of 32\. The nearest is 96x96/],
    [{ enable_bucket: true, bucket_reso_steps: 48 }, /--bucket_reso_steps is 48, expected a multiple of 32/],
    [{ pretrained_model_name_or_path: undefined }, /pretrained_model_name_or_path is missing/],
    [{ output_dir: undefined }, /output_dir is missing/],
    [{ conditioning_data_dir: undefined }, /conditioning_data_dir is missing/],
    [{ network_dims: 4 }, /no option --network_dims\. Did you mean --network_dim\?/],
    [{ masked_loss: true }, /--masked_loss needs --alpha_mask: a mask is the alpha of the pictures/],
    [{ resume_from_huggingface: true }, /resume_from_huggingface is not supported: states are read from folders/],
    [{ optimizer_type: "plain" }, /optimizer_type is "plain", expected .*adamw/],
    [{ save_model_as: "ckpt" }, /save_model_as is "ckpt", expected "safetensors": ckpt and pt files are pickles/],
    [{ lr_scheduler: "adafactor" }, /lr_scheduler is adafactor, which needs --optimizer_type adafactor/],
    [{ conditioner_init: "zero" }, /conditioner_init is "zero", expected "default" or "normalised"/],
    [{ conditioner: "trunk" }, /conditioner is "trunk", expected "own" or "shared"/],
    [{ cond_emb_dim: 5 }, /cond_emb_dim is 5, expected a multiple of 2\. The nearest is 6/],
    [{ network_dim: 0 }, /network_dim is 0, expected a whole number from 1/],
    [
      { min_timestep: 900, max_timestep: 900 },
      /--min_timestep is 900 and --max_timestep is 900, expected the first below the second/,
    ],
    [{ learning_rate: 0 }, /learning_rate is 0/],
    [{ site_limit: 0 }, /site_limit is 0, expected a number above 0/],
    [{ output_name: "a/b" }, /output_name is "a\/b"/],
  ])("refuses %j", (more, message) => {
    expect(() => read(more)).toThrow(message)
  })

  it("takes values that ask for nothing", () => {
    const nothing = {
      gradient_accumulation_steps: 1,
      keep_tokens: 0,
      noise_offset: "0",
      network_args: [],
      optimizer_args: [],
      lr_scheduler_type: "",
      optimizer_type: "",
      resume: "",
      flip_aug: false,
      full_bf16: false,
      mixed_precision: "no",
      max_data_loader_n_workers: 0,
      multires_noise_discount: 0.3,
      token_warmup_min: 1,
      min_snr_gamma: 0,
      save_every_n_steps: 0,
      save_precision: "None",
      vae: "",
      caption_separator: ",",
    }
    expect(read({}, nothing)).toMatchObject({ notices: [], vae: undefined, saveEvery: {}, lossWeights: {} })
  })

  it("names all problems at once, each as it was written", () => {
    const file = { "train-inpainting": true, learning_rate: -1, toString: 1, ["__proto__"]: 2 }
    const message = [
      "test: 8 problems:",
      '  - --seed is "x", expected a whole number from 0 to 2^64 - 1',
      "  - there is no option --constructor.",
      "  - --output_dir is missing, expected a folder to write into",
      '  - --output_name is "a/b", expected a file name without folder and extension',
      `  - "a.toml": train-inpainting is not supported: this command trains no inpainting model. Leave it out.`,
      '  - "a.toml": learning_rate is -1, expected a number above 0 and of at most 1000',
      '  - "a.toml": there is no option toString.',
      '  - "a.toml": there is no option __proto__.',
    ].join("\n")
    const line = { seed: "x", constructor: 1, output_dir: undefined, output_name: "a/b" }
    expect(() => read(line, file)).toThrow(message)
  })
})
