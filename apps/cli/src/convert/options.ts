import type { OptionTable, Settings } from "@lllite/runtime-node/options"
import { choice, flag, taken } from "@lllite/runtime-node/options"
import { dtypeKind, FILE_DTYPES } from "../command/dtype.ts"
import { OUTPUT_OPTIONS } from "../lllite-file/output-options.ts"

/** Options of `convert`. */
export const CONVERT_OPTIONS = {
  ...OUTPUT_OPTIONS,
  dtype: taken(dtypeKind(FILE_DTYPES), { help: "New dtype of every floating-point tensor." }),
  keys: choice(["file", "training"], {
    help: "New tensor names: file is for LLLite files, training for training states of sd-scripts.",
  }),
  plain: flag({
    help: "Write a plain LLLite, which every program loads: a shared conditioner is copied to each of its sites. It computes the same.",
  }),
  allow_overflow: flag({
    help: "Write values that are too large for the dtype as infinity (F8_E4M3: NaN), as PyTorch does. Default: refuse them.",
  }),
} satisfies OptionTable

export type ConvertSettings = Settings<typeof CONVERT_OPTIONS>
