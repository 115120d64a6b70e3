import { TRAIN_RANGES } from "@lllite/core/names"
import type { OptionTable } from "@lllite/runtime-node/options"
import { choice, file, flag, folder, ignored, integer, refused, taken, text } from "@lllite/runtime-node/options"
import { dtypeKind } from "../../command/dtype.ts"

const NO_UPLOAD = "the command uploads nothing. Upload the saved files, for example with: hf upload REPOSITORY FILE"

/** What is saved, and when. */
export const OUTPUT = {
  output_dir: folder({ required: "a folder to write into", help: "Folder to write into." }),
  output_name: text({ default: "last", valueName: "name", help: "Name of the saved file, without folder and ending." }),
  force: flag({ help: "Replace files of an earlier run that have the names of this run." }),
  save_precision: taken(dtypeKind(["F32", "F16", "BF16"]), {
    default: "F32",
    nothing: ["none"],
    help: "Dtype of the values in the file.",
  }),
  save_model_as: choice(["safetensors"], {
    default: "safetensors",
    nothing: ["none"],
    because: "ckpt and pt files are pickles, which can run code when they are opened",
    help: "Format of the file.",
  }),
  save_every_n_steps: integer({ ...TRAIN_RANGES.steps, nothing: [0], help: "Also save every N steps." }),
  save_every_n_epochs: integer({ ...TRAIN_RANGES.epochs, nothing: [0], help: "Also save every N epochs." }),
  metadata_title: text({ otherwise: "output_name", help: "Title in the file's metadata." }),
  metadata_author: text({ help: "Author in the file's metadata." }),
  metadata_description: text({ help: "Description in the file's metadata." }),
  metadata_license: text({ help: "Licence in the file's metadata." }),
  metadata_tags: text({ help: "Tags in the file's metadata, separated by commas." }),
  metadata_usage_hint: text({ help: "How the LLLite is used, in the file's metadata." }),
  metadata_thumbnail: text({
    valueName: "picture",
    help: "Picture of the LLLite, in the file's metadata: a PNG, JPEG or WebP of at most 1 MB, or a data URL.",
  }),
  metadata_merged_from: text({ help: "What the LLLite was merged from, in the file's metadata." }),
  metadata_trigger_phrase: text({ help: "Words that the LLLite needs in a prompt, in the file's metadata." }),
  metadata_preprocessor: text({
    help: "Preprocessor that made the controls, in the file's metadata: canny, for example.",
  }),
  metadata_is_negative_embedding: refused("an LLLite is not an embedding", { nothing: ["false", "False"] }),
  no_metadata: flag({ help: "Write no metadata into the file." }),
  save_n_epoch_ratio: integer({
    ...TRAIN_RANGES.epochs,
    nothing: [0],
    help: "Save about this many times over the run, at the end of an epoch. It replaces save_every_n_epochs.",
  }),
  save_last_n_steps: integer({
    ...TRAIN_RANGES.steps,
    nothing: [0],
    help: "Of the files of save_every_n_steps, keep those of the last N steps. The run removes older ones that it saved.",
  }),
  save_last_n_epochs: integer({
    ...TRAIN_RANGES.epochs,
    nothing: [0],
    help: "Of the files of save_every_n_epochs, keep the last N. The run removes older ones that it saved.",
  }),
  save_last_n_steps_state: integer({
    ...TRAIN_RANGES.steps,
    nothing: [0],
    help: "The same for states. Default: as save_last_n_steps.",
  }),
  save_last_n_epochs_state: integer({
    ...TRAIN_RANGES.epochs,
    nothing: [0],
    help: "The same for states. Default: as save_last_n_epochs.",
  }),
  save_state: flag({ help: "Beside each saved file, also save the state of the run, from which resume continues." }),
  save_state_on_train_end: flag({ help: "Save the state of the run at its end alone." }),
  resume: text({
    valueName: "folder",
    help: "State of a run to continue, a folder that save_state has written. The run ends as if it had never stopped. latest is the newest one of this run in output_dir. Without one, the run begins anew.",
  }),
  huggingface_repo_id: ignored(NO_UPLOAD),
  huggingface_repo_type: ignored(NO_UPLOAD, { nothing: ["model"] }),
  huggingface_path_in_repo: ignored(NO_UPLOAD),
  huggingface_token: ignored(NO_UPLOAD),
  huggingface_repo_visibility: ignored(NO_UPLOAD),
  save_state_to_huggingface: ignored(NO_UPLOAD),
  resume_from_huggingface: refused("states are read from folders", {
    instead: "Download the folder of the state, and give its path to resume.",
  }),
  async_upload: ignored(NO_UPLOAD),
} satisfies OptionTable

/** Files of options, and output of a run. */
export const RUN = {
  config_file: file({
    aliases: ["config"],
    help: "TOML file with these options. Sections in it have no meaning. Options on the command line have priority.",
  }),
  plan: flag({
    help: "Say what the run would do and take: steps, time, memory and disk. Nothing is written, and of models no more than a small one is loaded.",
  }),
  output_config: flag({
    help: "Write the options of this command line to the file of config_file, which is new, and end. In a file, it has no effect.",
  }),
  console_log_level: ignored("progress and notes are always written to stdout", { nothing: ["info"] }),
  console_log_file: ignored("progress and notes are written to stdout, which can be redirected to a file"),
  console_log_simple: ignored("if stdout is not a terminal, it gets one JSON object a line"),
} satisfies OptionTable
