import type { OptionTable, Settings } from "@lllite/runtime-node/options"
import { file, flag } from "@lllite/runtime-node/options"

/** `--json`, of every command that reports something. */
export const JSON_OPTION = { json: flag({ help: "Print one JSON object." }) } satisfies OptionTable

/** Where a command writes its file. */
export const OUTPUT_OPTIONS = {
  output: file({ required: "a file to write", help: "File to write." }),
  force: flag({ help: "Replace the output if it exists. The output may be the input." }),
  ...JSON_OPTION,
} satisfies OptionTable

export type OutputOptions = Settings<typeof OUTPUT_OPTIONS>
