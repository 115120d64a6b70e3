import { listText } from "@lllite/core/names"
import { nearest } from "@lllite/runtime-node/options"
import { defineCommand } from "../command/command.ts"
import { JSON_OPTION } from "../lllite-file/output-options.ts"
import { print } from "../terminal/streams.ts"

const ACTIONS = ["list", "purge"] as const

/** `lllite cache` */
export const cacheCommand = defineCommand({
  name: "cache",
  description:
    "List the downloaded models, or remove them: lllite cache purge. Words after purge name parts of their addresses, and only these are removed.",
  positionals: { text: "[list|purge] [words...]", min: 0, max: Number.POSITIVE_INFINITY },
  options: JSON_OPTION,
  async run(reader, [action = "list", ...words]) {
    reader.check([], () => actionProblem(action, words))
    const { json } = reader.finish()
    const { runCache } = await import("./run.ts")
    print(await runCache(action === "purge" ? words : null, json))
  },
})

function actionProblem(action: string, words: readonly string[]): string | null {
  if (action === "list" && words.length > 0) return `list takes no words, received ${JSON.stringify(words[0])}`
  if (words.includes("")) return "a word is empty, expected a part of an address. To remove all files, give no word"
  if (ACTIONS.some((known) => known === action)) return null
  const near = nearest(action, ACTIONS)
  return `expected ${listText(ACTIONS, "or")}, received "${action}"${near === null ? "" : `. Did you mean ${near}?`}`
}
