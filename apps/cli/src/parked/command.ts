import { listText } from "@lllite/core/names"
import { nearest } from "@lllite/runtime-node/options"
import { defineCommand } from "../command/command.ts"
import { print } from "../terminal/streams.ts"
import { PARKED_ACTIONS, PARKED_OPTIONS, type ParkedAction } from "./options.ts"

/** `lllite parked` */
export const parkedCommand = defineCommand({
  name: "parked",
  description:
    "List the pieces that workers could not make, with their errors. lllite parked retry lets workers try them again, and forget removes them. Words after these name pieces by the beginning of their keys. Default: all of them.",
  positionals: { text: "[list|retry|forget] [keys...]", min: 0, max: Number.POSITIVE_INFINITY },
  options: PARKED_OPTIONS,
  async run(reader, [action = "list", ...keys]) {
    reader.check([], () => actionProblem(action))
    const settings = reader.finish()
    const { runParked } = await import("./run.ts")
    print(await runParked(action as ParkedAction, keys, settings))
  },
})

function actionProblem(action: string): string | null {
  if (PARKED_ACTIONS.some((known) => known === action)) return null
  const near = nearest(action, PARKED_ACTIONS)
  return `expected ${listText(PARKED_ACTIONS, "or")}, received "${action}"${near === null ? "" : `. Did you mean ${near}?`}`
}
