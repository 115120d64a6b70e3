import type { Layer, OptionTable, Problem } from "@lllite/runtime-node/options"
import { joinLayers, readLayer } from "@lllite/runtime-node/options"
import { UsageError } from "../terminal/errors.ts"
import { parseArguments } from "./arguments.ts"
import { readConfigLayer } from "./config-file.ts"
import { commandHelp } from "./help.ts"
import type { CommandSpec, OptionGroup } from "./spec.ts"

/** A command without its table's type, as a list of them holds it. */
export interface Command {
  readonly name: string
  readonly groups: readonly OptionGroup[]
  /** @throws UsageError with everything that is wrong with the command line; what the command itself throws */
  invoke(argv: readonly string[]): Promise<void>
  /** @param which whether options that are ignored or refused are listed, too */
  help(which: "taken" | "all"): string
}

/** Makes a command of what it takes and does. */
export function defineCommand<Table extends OptionTable>(spec: CommandSpec<Table>): Command {
  const { name, options, groups = [["Options", options]] } = spec
  const help = (which: "taken" | "all"): string => commandHelp(spec, groups, which)
  return {
    name,
    groups,
    help,
    async invoke(argv) {
      const given = parseArguments(options, argv, name)
      if (given.help !== null) {
        process.stdout.write(`${help(given.help)}\n`)
        return
      }
      const layer = readLayer(options, { where: name, entries: given.entries, spell: flagName })
      const problems = [...given.problems, ...(given.hasUnknown ? [] : countProblems(spec, given.positionals))]
      const line: Layer = { ...layer, broken: new Set([...layer.broken, ...given.broken]) }
      const file = await configLayer(spec, line)
      const layers = file === null ? [line] : [line, file]
      const reader = joinLayers(options, { title: name, layers, problems, spell: flagName, refuse: usageError })
      await spec.run(reader, given.positionals)
    },
  }
}

/** `network_dim` as a command line has it. */
export function flagName(name: string): string {
  return `--${name}`
}

/** All problems of a command line as an error. */
export function usageError(message: string): UsageError {
  return new UsageError(message)
}

async function configLayer<Table extends OptionTable>(
  { configFile, options }: CommandSpec<Table>,
  line: Layer,
): Promise<Layer | null> {
  const path = configFile === undefined ? undefined : line.given.get(configFile)?.value
  return typeof path === "string" ? readConfigLayer(options, path) : null
}

function countProblems<Table extends OptionTable>(
  { name, positionals = { text: "", least: 0 } }: CommandSpec<Table>,
  given: readonly string[],
): readonly Problem[] {
  const { text, least, most = least } = positionals
  const usage = `lllite ${name} ${text}`.trim()
  if (given.length < least) {
    const came = given.length === 0 ? "" : `, and ${given.length} came`
    return [{ where: name, text: `expected ${text}${came}. Type: ${usage}` }]
  }
  const extra = given.slice(most).map((each) => JSON.stringify(each))
  if (extra.length === 0) return []
  const names = extra.length > 3 ? `${extra.slice(0, 3).join(", ")} …` : extra.join(", ")
  const takes = most === 0 ? "only options, which begin with --" : `${text} and options, which begin with --`
  return [{ where: name, text: `${names} ${extra.length === 1 ? "is" : "are"} too much, expected ${takes}` }]
}
