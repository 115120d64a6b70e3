import { listText } from "@lllite/core/names"
import { defineCommand } from "../command/command.ts"
import { localFiles } from "../model/local-models.ts"
import { print } from "../terminal/streams.ts"
import { PRUNE_OPTIONS } from "./options.ts"

const WAYS = ["blocks", "keepBlocks", "weakest"] as const

/** `lllite prune` */
export const pruneCommand = defineCommand({
  name: "prune",
  description: "Write an LLLite without some of its sites.",
  positionals: { text: "<file>", min: 1 },
  options: PRUNE_OPTIONS,
  async run(reader, files, signal) {
    reader.check(WAYS, () => {
      const chosen = WAYS.filter((way) => reader.isGiven(way)).map((way) => reader.nameOf(way))
      if (chosen.length === 1) return null
      const came = chosen.length === 0 ? "" : `, received ${listText(chosen, "and")}`
      return `expected one of --blocks, --keep_blocks and --weakest${came}`
    })
    const settings = reader.finish()
    const { runPrune } = await import("./run.ts")
    print(await runPrune(await localFiles(files, signal), settings, signal))
  },
})
