import type { OptionTable, Settings } from "@lllite/runtime-node/options"
import { integer, taken } from "@lllite/runtime-node/options"
import { dtypeKind, FILE_DTYPES } from "../command/dtype.ts"
import { OUTPUT_OPTIONS } from "../lllite-file/output-options.ts"

/** Options of `resize`. */
export const RESIZE_OPTIONS = {
  ...OUTPUT_OPTIONS,
  network_dim: integer({ aliases: ["new_rank"], min: 1, max: 65536, help: "New width of the adapters' inner layer." }),
  cond_emb_dim: integer({ min: 2, max: 65536, multipleOf: 2, help: "New width of the control's embedding." }),
  dtype: taken(dtypeKind(FILE_DTYPES), { otherwise: "the dtype of the file", help: "Dtype of the result." }),
  seed: integer({
    default: 0,
    min: 0,
    max: 2 ** 31 - 1,
    help: "Seed of the samples for fitting a narrower LLLite.",
  }),
} satisfies OptionTable

export type ResizeSettings = Settings<typeof RESIZE_OPTIONS>
