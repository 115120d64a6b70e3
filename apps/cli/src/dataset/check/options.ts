import type { OptionTable } from "@lllite/runtime-node/options"
import { file, flag, integer, seed, text } from "@lllite/runtime-node/options"
import { JSON_OPTION } from "../../lllite-file/output-options.ts"
import { DATASET } from "../../train/options/dataset.ts"
import { TRAIN_OPTIONS } from "../../train/options/index.ts"

/** What `dataset check` does beside reading the options of `train`. */
const CHECK = {
  ...JSON_OPTION,
  config_file: file({ aliases: ["config"], help: "TOML file of options of train. Its data set is checked." }),
  sheet: file({ help: "PNG file to write: pictures, controls, and controls over their pictures." }),
  sheet_pairs: integer({
    default: 24,
    min: 1,
    max: 1000,
    help: "Most pairs of the sheet. Those with a finding come first.",
  }),
  seed: seed({ default: 0, help: "Seed that chooses the other pairs of the sheet." }),
  force: flag({ help: "Replace the sheet if it exists." }),
} satisfies OptionTable

/** All options of `train`, so that its command lines and files can be checked. Only its data set is read. */
export const CHECK_OPTIONS = {
  ...TRAIN_OPTIONS,
  pretrained_model_name_or_path: text({ default: "", help: "It is not read." }),
  output_dir: text({ default: "", help: "Nothing is written there." }),
  ...CHECK,
}

/** The options that help shows. */
export const CHECK_GROUPS = [
  ["Options", CHECK],
  ["Data set", DATASET],
] as const
