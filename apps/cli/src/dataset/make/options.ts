import type { OptionTable } from "@lllite/runtime-node/options"
import { file, flag, folder, integer, pixels, seed, text } from "@lllite/runtime-node/options"
import { GENERATE_GROUPS, GENERATE_OPTIONS } from "../../generate/options.ts"
import { FAN_OUT_OPTIONS } from "../../pieces/options.ts"

/** The data set to make. */
const MAKE = {
  outdir: folder({ required: "a folder for the data set", help: "Folder of the data set. Finished files stay." }),
  from_pictures: folder({ help: "Folder of pictures to make controls for." }),
  prompts: file({
    help: "Text file with a prompt in each line, which are drawn. It is read like the file of generate's --from_file: with groups, wildcards, and options of a line.",
  }),
  prep: text({
    required: "a preprocessor such as canny",
    valueName: "kind",
    help: "Preprocessor that makes the controls, such as canny, canny:low=60,high=120 or blur_gaussian_9. lllite preprocess --list shows all.",
  }),
  copy: flag({
    help: "Copy the pictures of from_pictures and their captions into the data set. Default: they stay where they are.",
  }),
  count: integer({
    min: 1,
    max: 1_000_000,
    otherwise: "one for each prompt and images_per_prompt",
    help: "Number of pictures to draw. The prompts are drawn again, with further seeds, until there are enough. It may grow later.",
  }),
  seed: seed({ default: 0, help: "Seed of the first picture. Each further picture has the next number." }),
  caption_extension: text({
    otherwise: ".txt, or what most of the pictures have",
    help: "File extension of the captions, with its dot.",
  }),
  resolution: pixels({
    otherwise: "that of the pictures, at most 1024",
    help: "Size for training that dataset.toml names, in pixels.",
  }),
  train_batch_size: integer({ default: 1, min: 1, max: 4096, help: "Batch size that dataset.toml names." }),
  num_repeats: integer({ default: 1, min: 1, max: 1_000_000, help: "Repeats that dataset.toml names." }),
  dry_run: flag({ help: "Say what would be made, and end." }),
  force: flag({ help: "Replace files that were made with other settings." }),
} satisfies OptionTable

/** All options of `dataset make`: its own, those for workers, and those of `generate` for pictures of prompts. */
export const MAKE_OPTIONS = { ...GENERATE_OPTIONS, ...MAKE, ...FAN_OUT_OPTIONS }

/** Options of `generate` that the data set decides. */
export const UNUSED = [
  ...(["prompt", "from_file", "from", "workflow", "save_workflow", "interactive", "n_iter"] as const),
  ...(["use_original_file_name", "sequential_file_name", "dated_file_name"] as const),
  ...(["lllite_map", "highres_fix_save_1st"] as const),
] as const

/** The options that help shows. */
export const MAKE_GROUPS: readonly (readonly [heading: string, options: OptionTable])[] = [
  ["Data set", MAKE],
  ["Workers", FAN_OUT_OPTIONS],
  ...GENERATE_GROUPS.map(
    ([heading, options]) =>
      [
        `Pictures of prompts: ${heading}`,
        Object.fromEntries(
          Object.entries(options).filter(([name]) => !(name in MAKE) && !UNUSED.some((each) => each === name)),
        ),
      ] as const,
  ),
]

/** The names of the options that only serve pictures of prompts. */
export const DRAWING_OPTIONS: readonly string[] = [
  ...Object.keys(GENERATE_OPTIONS).filter((name) => !(name in MAKE)),
  "count",
  "seed",
]
