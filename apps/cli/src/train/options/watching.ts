import type { OptionTable } from "@lllite/runtime-node/options"
import { choice, flag, folder, ignored, text } from "@lllite/runtime-node/options"

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
} satisfies OptionTable
