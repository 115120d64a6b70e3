import { GENERATE_RANGES, SAMPLER_NAMES, TRAIN_RANGES } from "@lllite/core/names"
import type { OptionTable } from "@lllite/runtime-node/options"
import { choice, file, flag, folder, GROUP_OPTIONS, ignored, integer, number, text } from "@lllite/runtime-node/options"

/** Why there is no log for W&B, and what to do. */
export const NO_WANDB = "nothing is sent to W&B. Its Python package can log the lines of steps.jsonl"

/** How a run is watched. */
export const WATCHING = {
  logging_dir: folder({
    help: "Folder for logs. Each run has a folder there, named by its time, with a file for TensorBoard, JSON lines and a CSV.",
  }),
  log_with: choice(["tensorboard", "all"], {
    otherwise: "tensorboard if logging_dir is given",
    because: NO_WANDB,
    help: "Program that the log is for. It needs logging_dir.",
  }),
  log_prefix: text({ default: "", canBeEmpty: true, help: "Text before the time in the name of the log's folder." }),
  log_tracker_name: text({
    default: "lllite_control_net_train",
    valueName: "name",
    help: "Folder of TensorBoard's file in the log's folder.",
  }),
  log_config: flag({ help: "Log the options, too, for TensorBoard's HPARAMS page. Paths are left out." }),
  log_tracker_config: ignored("the log has no further options here"),
  wandb_run_name: ignored(NO_WANDB),
  wandb_api_key: ignored(NO_WANDB),
  sample_every_n_steps: integer({
    ...TRAIN_RANGES.steps,
    nothing: [0],
    help: "Draw pictures every N steps, with and without the LLLite, into the folder sample of output_dir.",
  }),
  sample_every_n_epochs: integer({
    ...TRAIN_RANGES.epochs,
    nothing: [0],
    help: "The same every N epochs. It replaces sample_every_n_steps.",
  }),
  sample_at_first: flag({ help: "Draw pictures before the first step, too." }),
  sample_prompts: file({
    otherwise: "four pairs of the data set",
    help: "File of the pictures to draw: lines (.txt), TOML or JSON as in sd-scripts. Each names its control with --cn or controlnet_image.",
  }),
  validation_split: GROUP_OPTIONS.validation_split,
  validation_seed: GROUP_OPTIONS.validation_seed,
  validate_every_n_steps: integer({
    ...TRAIN_RANGES.steps,
    nothing: [0],
    help: "Measure held-out pairs every N steps.",
  }),
  validate_every_n_epochs: integer({
    ...TRAIN_RANGES.epochs,
    nothing: [0],
    otherwise: "1",
    help: "The same every N epochs. validate_every_n_steps replaces it.",
  }),
  max_validation_steps: integer({
    min: 1,
    max: 1_000_000,
    nothing: [0],
    otherwise: "all",
    help: "Held-out pairs that are measured at most.",
  }),
  validation_pictures: integer({
    default: 4,
    min: 0,
    max: 100,
    help: "Held-out pairs that are drawn, to measure how well pictures follow controls.",
  }),
  validation_picture_steps: integer({
    default: 20,
    ...GENERATE_RANGES.steps,
    help: "Steps of the sampler for held-out pairs that are drawn.",
  }),
  validation_guidance_scale: number({
    default: 7.5,
    ...GENERATE_RANGES.guidanceScale,
    help: "Scale of guidance for held-out pairs that are drawn.",
  }),
  sample_sampler: choice(SAMPLER_NAMES, { default: "ddim", help: "Sampler of pictures that name none." }),
  dashboard: flag({ help: "Show the run on a page of this machine while it trains. No other machine can open it." }),
  dashboard_port: integer({
    min: 1,
    max: 65535,
    nothing: [0],
    otherwise: "a free one",
    help: "Port of the page. It turns dashboard on.",
  }),
  no_report: flag({ help: "Write no report. Without it, the run writes NAME-report.html into output_dir at its end." }),
} satisfies OptionTable
