import type { OptionTable, Settings } from "@lllite/runtime-node/options"
import { choice, flag } from "@lllite/runtime-node/options"
import { dtype, OUTPUT_OPTIONS } from "../lllite-file/output-options.ts"

/** What `convert` takes. */
export const CONVERT_OPTIONS = {
  ...OUTPUT_OPTIONS,
  dtype: dtype({ help: "New dtype of every floating-point tensor." }),
  keys: choice(["file", "training"], {
    help: "New tensor names: those of an LLLite file, or those in a training state of sd-scripts.",
  }),
  allow_overflow: flag({
    help: "Write values too large for the dtype as infinity (F8_E4M3: NaN), as PyTorch does. Without it they are refused.",
  }),
} satisfies OptionTable

export type ConvertSettings = Settings<typeof CONVERT_OPTIONS>
