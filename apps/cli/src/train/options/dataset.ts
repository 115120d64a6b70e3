import type { OptionTable } from "@lllite/runtime-node/options"
import {
  file,
  flag,
  folder,
  GROUP_OPTIONS,
  ignored,
  integer,
  refused,
  SUBSET_OPTIONS,
  text,
} from "@lllite/runtime-node/options"

const { batch_size, validation_split, validation_seed, network_multiplier, ...groupOptions } = GROUP_OPTIONS
const { num_repeats, caption_extension, custom_attributes, class_tokens, is_reg, ...subsetOptions } = SUBSET_OPTIONS
const OWN_READING = "this program decides itself when pictures are read"
const NEITHER_THERE = "sd-scripts' LLLite trainer ignores it, too"

/** Pictures, controls and captions. Most options are those of a data-set file. */
export const DATASET = {
  train_data_dir: folder({ help: "Folder of pictures, with their captions." }),
  conditioning_data_dir: folder({ help: "Folder of control pictures with the same names." }),
  dataset_config: file({ help: "TOML file of data sets. It replaces the two folders." }),
  train_batch_size: batch_size,
  ...groupOptions,
  caption_extension: text({
    default: caption_extension.fallback,
    help: caption_extension.help,
    aliases: ["caption_extention"],
  }),
  ...subsetOptions,
  dataset_repeats: integer({
    min: 1,
    max: 1_000_000,
    nothing: [1],
    help: "How often each pair appears in an epoch. For folders of dataset_config without num_repeats.",
  }),
  cache_latents: ignored("latents are kept in memory as far as they fit, unless augmentation changes them"),
  cache_latents_to_disk: flag({
    help: "Keep latents in .npz files beside the pictures, as sd-scripts does, and use those that are there.",
  }),
  vae_batch_size: ignored("pictures are encoded one at a time", { nothing: [1] }),
  skip_cache_check: flag({
    help: "Open no file of the caches before its step. Of latents, only the size is then checked.",
  }),
  cache_text_encoder_outputs: flag({
    help: "Encode every caption once, before training. That is always so for captions that do not change. Refused for those that do.",
  }),
  cache_text_encoder_outputs_to_disk: flag({
    help: "The same, and keep encoded captions in .npz files beside the pictures, as sd-scripts does. Steps read them from there.",
  }),
  max_data_loader_n_workers: ignored(OWN_READING, { nothing: [8] }),
  persistent_data_loader_workers: ignored(OWN_READING),
  weighted_captions: flag({
    help: "Read weights in captions, such as (word:1.2) and [word]. sd-scripts' LLLite trainer ignores it.",
  }),
  dataset_class: ignored(NEITHER_THERE),
  in_json: file({
    help: "Metadata JSON of fine-tuning, with the captions and tags of train_data_dir. It replaces caption files. sd-scripts' LLLite trainer ignores it.",
  }),
  debug_dataset: refused("this command shows no pictures", {
    instead:
      "Leave it out. lllite dataset check draws a sheet of the pairs, and lllite train --plan says what a run does.",
  }),
} satisfies OptionTable
