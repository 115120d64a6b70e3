import { EMA_RANGES, LR_RANGES, TRAIN_PRESETS, TRAIN_RANGES, type TrainPresetName } from "@lllite/core/names"
import type { OptionTable } from "@lllite/runtime-node/options"
import { belongsTo, choice, flag, ignored, integer, number, refused, seed, steps } from "@lllite/runtime-node/options"
import { lrScheduler, lrSchedulerArgs, lrSchedulerType, partRate } from "./learning-rate.ts"
import { optimizerArgs, optimizerType } from "./optimizer.ts"

const ATTENTION = "attention has one implementation here"
const FLOAT32 = "training computes in float32"
const NO_PYTORCH = "this program does not use PyTorch"
const OWN_RANKS = "several processes are chosen by ranks here"
const DEEPSPEED = belongsTo("deepspeed")

/** Length of the training, and how it computes. */
export const TRAINING = {
  preset: choice(Object.keys(TRAIN_PRESETS) as TrainPresetName[], {
    help: "Options that belong together, for those that are not given. fast-follow follows the control after fewer steps.",
  }),
  max_train_steps: integer({ default: 1600, ...TRAIN_RANGES.steps, help: "Number of steps." }),
  max_train_epochs: integer({
    ...TRAIN_RANGES.epochs,
    nothing: [0],
    help: "Number of epochs: passes over the whole data set. It replaces max_train_steps.",
  }),
  seed: seed({ default: 0, help: "Seed. The same seed gives the same file." }),
  gradient_checkpointing: flag({ help: "Use less memory. Each step takes longer." }),
  gradient_accumulation_steps: integer({
    default: 1,
    ...TRAIN_RANGES.accumulation,
    help: "Batches of one step. Their mean is one update, as if they were one larger batch.",
  }),
  mixed_precision: ignored(FLOAT32),
  full_fp16: ignored(FLOAT32),
  full_bf16: ignored(FLOAT32),
  fp8_base: ignored("sd-scripts' LLLite trainer ignores it, too"),
  xformers: ignored(ATTENTION),
  sdpa: ignored(ATTENTION),
  mem_eff_attn: ignored(ATTENTION),
  torch_compile: ignored(NO_PYTORCH),
  dynamo_backend: ignored(NO_PYTORCH, { nothing: ["inductor"] }),
  ddp_timeout: ignored(OWN_RANKS),
  ddp_gradient_as_bucket_view: ignored(OWN_RANKS),
  ddp_static_graph: ignored(OWN_RANKS),
  deepspeed: refused(OWN_RANKS, { instead: "Leave out all options of DeepSpeed." }),
  zero_stage: ignored(DEEPSPEED, { nothing: [2] }),
  offload_optimizer_device: ignored(DEEPSPEED),
  offload_optimizer_nvme_path: ignored(DEEPSPEED),
  offload_param_device: ignored(DEEPSPEED),
  offload_param_nvme_path: ignored(DEEPSPEED),
  zero3_init_flag: ignored(DEEPSPEED),
  zero3_save_16bit_model: ignored(DEEPSPEED),
  fp16_master_weights_and_gradients: ignored(DEEPSPEED),
} satisfies OptionTable

/** Optimizer and learning rate. */
export const OPTIMIZER = {
  optimizer_type: optimizerType(),
  learning_rate: number({
    default: 2e-4,
    above: 0,
    max: TRAIN_RANGES.learningRate.max,
    help: "Learning rate: the size of a step.",
  }),
  max_grad_norm: number({
    default: 1,
    ...TRAIN_RANGES.maxGradNorm,
    help: "Largest norm of the gradient. A larger gradient is scaled down to it. 0 means no limit.",
  }),
  site_limit: number({
    ...TRAIN_RANGES.siteLimit,
    otherwise: "no limit",
    help: "Most that a site may add, in units of its layer's input, by the estimate of lllite inspect --health.",
  }),
  lr_scheduler: lrScheduler(),
  lr_warmup_steps: steps({ help: "Steps over which the learning rate rises from 0." }),
  lr_decay_steps: steps({ help: "Steps over which the learning rate falls at the end, for warmup_stable_decay." }),
  lr_scheduler_num_cycles: number({
    default: 1,
    ...LR_RANGES.cycles,
    help: "Number of restarts of cosine_with_restarts. Number of half waves of cosine_with_min_lr and warmup_stable_decay.",
  }),
  lr_scheduler_power: number({ default: 1, ...LR_RANGES.power, help: "Exponent of polynomial." }),
  lr_scheduler_timescale: integer({
    ...LR_RANGES.timescale,
    nothing: [0],
    otherwise: "the warm-up",
    help: "Steps after which the rate of inverse_sqrt falls.",
  }),
  lr_scheduler_min_lr_ratio: number({
    ...LR_RANGES.minRatio,
    help: "Lowest rate as a share of learning_rate, for cosine_with_min_lr and warmup_stable_decay.",
  }),
  use_8bit_adam: flag({ help: "The same as optimizer_type adamw8bit." }),
  use_lion_optimizer: flag({ help: "The same as optimizer_type lion." }),
  optimizer_args: optimizerArgs(),
  ema: flag({
    help: "Average the weights over the steps, and save the average. It is steadier than the weights of one step.",
  }),
  ema_decay: number({
    ...EMA_RANGES.decay,
    otherwise: "0.9999",
    help: "Largest share of the average that a step keeps, for ema. Early steps keep less.",
  }),
  ema_min_decay: number({ ...EMA_RANGES.minDecay, nothing: [0], help: "Smallest share that a step keeps, for ema." }),
  ema_update_after_step: integer({
    ...EMA_RANGES.from,
    nothing: [0],
    help: "Steps after which averaging begins, for ema.",
  }),
  ema_use_warmup: flag({
    help: "For ema, the share rises as 1 - (1 + n / ema_inv_gamma) ^ -ema_power. Without it, as (1 + n) / (10 + n).",
  }),
  ema_inv_gamma: number({ ...EMA_RANGES.gamma, otherwise: "1", help: "Divisor of the steps, for ema_use_warmup." }),
  ema_power: number({ ...EMA_RANGES.power, otherwise: "2/3", help: "Exponent, for ema_use_warmup." }),
  fused_backward_pass: ignored("an optimizer step needs all gradients here"),
  lr_scheduler_type: lrSchedulerType(),
  lr_scheduler_args: lrSchedulerArgs(),
  conditioner_lr: partRate("the control's embedding"),
  down_lr: partRate("the first layer of each adapter"),
  mid_lr: partRate("the middle layer of each adapter"),
  up_lr: partRate("the last layer of each adapter"),
} satisfies OptionTable
