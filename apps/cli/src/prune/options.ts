import type { OptionTable, Settings } from "@lllite/runtime-node/options"
import { flag, integer, texts } from "@lllite/runtime-node/options"
import { OUTPUT_OPTIONS } from "../lllite-file/output-options.ts"

/** Options of `prune`. */
export const PRUNE_OPTIONS = {
  ...OUTPUT_OPTIONS,
  blocks: texts({ valueName: "block", help: 'Blocks to remove, such as "input 4" or middle.' }),
  keep_blocks: texts({ valueName: "block", help: "Blocks to keep. All others are removed." }),
  weakest: integer({ min: 1, max: 65536, help: "Number of sites to remove, the weakest first." }),
  zero: flag({ help: "Keep the tensors, and set up to zero. Programs that need every site can then load the file." }),
} satisfies OptionTable

export type PruneSettings = Settings<typeof PRUNE_OPTIONS>
