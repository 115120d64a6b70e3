import type { OptionTable, Settings } from "@lllite/runtime-node/options"
import { numbers, taken } from "@lllite/runtime-node/options"
import { dtypeKind, FILE_DTYPES } from "../command/dtype.ts"
import { OUTPUT_OPTIONS } from "../lllite-file/output-options.ts"

/** Options of `merge`. */
export const MERGE_OPTIONS = {
  ...OUTPUT_OPTIONS,
  ratios: numbers({
    min: -1000,
    max: 1000,
    help: "Weight of each file, in order. Default: equal weights that add up to 1.",
  }),
  dtype: taken(dtypeKind(FILE_DTYPES), { otherwise: "the dtype of the first file", help: "Dtype of the result." }),
} satisfies OptionTable

export type MergeSettings = Settings<typeof MERGE_OPTIONS>
