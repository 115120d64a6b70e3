import type { Layer, OptionTable, Problem } from "@lllite/runtime-node/options"
import { joinLayers, readLayer } from "@lllite/runtime-node/options"
import { UsageError } from "../terminal/errors.ts"
import { parseArguments } from "./arguments.ts"
import { readConfigLayer } from "./config-file.ts"
import { commandHelp } from "./help.ts"
import type { CommandSpec, OptionGroup } from "./spec.ts"

/** A command without the type of its table, so that one list can hold all commands. */
export interface Command {
  readonly name: string
  readonly groups: readonly OptionGroup[]
  /** @throws UsageError with all problems of the command line; the errors of the command itself */
  invoke(argv: readonly string[]): Promise<void>
  /** @param which `all` also lists the options that are ignored or refused */
  help(which: "taken" | "all"): string
}

/** Makes a command from its spec. */
export function defineCommand<Table extends OptionTable>(spec: CommandSpec<Table>): Command {
  const { name, options, groups = [["Options", options]] } = spec
  const help = (which: "taken" | "all"): string => commandHelp(spec, groups, which)
  return {
    name,
    groups,
    help,
    async invoke(argv) {
      const parsed = parseArguments(options, argv, name)
      if (parsed.help !== null) {
        process.stdout.write(`${help(parsed.help)}\n`)
        return
      }
      const layer = readLayer(options, { where: name, entries: parsed.entries, spell: flagName })
      const problems = [...parsed.problems, ...(parsed.hasUnknown ? [] : countProblems(spec, parsed.positionals))]
      const line: Layer = { ...layer, broken: new Set([...layer.broken, ...parsed.broken]) }
      const file = await configLayer(spec, line)
      const layers = file === null ? [line] : [line, file]
      const reader = joinLayers(options, { title: name, layers, problems, spell: flagName, refuse: usageError })
      await spec.run(reader, parsed.positionals)
    },
  }
}

/** An option's name on a command line: `network_dim` is `--network_dim`. */
export function flagName(name: string): string {
  return `--${name}`
}

/** All problems of a command line as an error. */
export function usageError(message: string): UsageError {
  return new UsageError("options", message)
}

async function configLayer<Table extends OptionTable>(
  { configFile, options }: CommandSpec<Table>,
  line: Layer,
): Promise<Layer | null> {
  const path = configFile === undefined ? undefined : line.values.get(configFile)?.value
  return typeof path === "string" ? readConfigLayer(options, path) : null
}

function countProblems<Table extends OptionTable>(
  { name, positionals = { text: "", least: 0 } }: CommandSpec<Table>,
  received: readonly string[],
): readonly Problem[] {
  const { text, least, most = least } = positionals
  const usage = `lllite ${name} ${text}`.trim()
  if (received.length < least) {
    const came = received.length === 0 ? "" : `, received ${received.length}`
    return [{ where: name, text: `expected ${text}${came}. Type: ${usage}` }]
  }
  const extra = received.slice(most).map((each) => JSON.stringify(each))
  if (extra.length === 0) return []
  const names = extra.length > 3 ? `${extra.slice(0, 3).join(", ")} …` : extra.join(", ")
  const takes = most === 0 ? "only options, which begin with --" : `${text} and options, which begin with --`
  const what = extra.length === 1 ? "one argument" : `${extra.length} arguments`
  return [{ where: name, text: `${what} too many: ${names}. Expected ${takes}` }]
}
