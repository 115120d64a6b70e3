import type { OptionTable, Settings } from "@lllite/runtime-node/options"
import { flag, integer, texts } from "@lllite/runtime-node/options"
import { OUTPUT_OPTIONS } from "../lllite-file/output-options.ts"

/** What `prune` takes. */
export const PRUNE_OPTIONS = {
  ...OUTPUT_OPTIONS,
  blocks: texts({ valueName: "block", help: 'Blocks to remove, such as "input 4" or middle.' }),
  keep_blocks: texts({ valueName: "block", help: "Blocks to keep. All others are removed." }),
  weakest: integer({ min: 1, max: 65536, help: "How many of the weakest sites to remove." }),
  zero: flag({ help: "Keep the tensors and set up to zero, so that programs that need every site can load the file." }),
} satisfies OptionTable

export type PruneSettings = Settings<typeof PRUNE_OPTIONS>
