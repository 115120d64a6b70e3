import type { OptionTable } from "@lllite/runtime-node/options"
import { text } from "@lllite/runtime-node/options"
import { RUNTIME_OPTIONS } from "../../model/runtime-options.ts"
import { FAN_OUT_OPTIONS } from "../../pieces/options.ts"
import { DATASET } from "../../train/options/dataset.ts"
import { TRAIN_OPTIONS } from "../../train/options/index.ts"

const { config_file, pretrained_model_name_or_path, vae, unet, offline, vae_slices, compat, max_token_length, seed } =
  TRAIN_OPTIONS

/** What files of caches depend on beside the data set. */
const CACHE = {
  config_file,
  pretrained_model_name_or_path,
  ...{ vae, unet, offline, vae_slices, compat, max_token_length, seed },
} satisfies OptionTable

/** All options of `train`, so that its command lines and files can be given. Others than those of caches are not read. */
export const CACHE_OPTIONS = {
  ...TRAIN_OPTIONS,
  output_dir: text({ default: "", help: "Nothing is written there." }),
  ...FAN_OUT_OPTIONS,
}

/** The options that help shows. */
export const CACHE_GROUPS = [
  ["Model and captions", CACHE],
  ["Data set", DATASET],
  ["Workers on other machines", FAN_OUT_OPTIONS],
  ["Backend and precision", RUNTIME_OPTIONS],
] as const
