import { defineCommand } from "../command/command.ts"
import { PRUNE_OPTIONS } from "./options.ts"

const WAYS = ["blocks", "keepBlocks", "weakest"] as const

/** `lllite prune` */
export const pruneCommand = defineCommand({
  name: "prune",
  description: "Write an LLLite without some of its sites.",
  positionals: { text: "<file>", least: 1 },
  options: PRUNE_OPTIONS,
  async run(reader, files) {
    reader.check(WAYS, () => {
      const given = WAYS.filter((way) => reader.isGiven(way)).map((way) => reader.nameOf(way))
      if (given.length === 1) return null
      const came = given.length === 0 ? "none is given" : `${given.join(" and ")} are given`
      return `${came}, expected one of --blocks, --keep_blocks and --weakest`
    })
    const settings = reader.finish()
    const { runPrune } = await import("./run.ts")
    process.stdout.write(`${await runPrune(files, settings)}\n`)
  },
})
