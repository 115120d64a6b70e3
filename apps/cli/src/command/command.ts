import type { Layer, OptionTable, Problem } from "@lllite/runtime-node/options"
import { describeProblems, joinLayers, readLayer } from "@lllite/runtime-node/options"
import { describeInput, UsageError } from "../terminal/errors.ts"
import { print } from "../terminal/streams.ts"
import type { Arguments } from "./arguments.ts"
import { parseArguments } from "./arguments.ts"
import { readConfigLayer } from "./config-file.ts"
import { commandHelp } from "./help.ts"
import { optionsText, writeOptions } from "./output-config.ts"
import type { CommandSpec, OptionGroup } from "./spec.ts"

/** A command without the type of its table, so that one list can hold all commands. */
export interface Command {
  readonly name: string
  readonly groups: readonly OptionGroup[]
  /** Whether it ends by itself when it is stopped. */
  readonly endsItself: boolean
  /** @throws UsageError with all problems of the command line; the errors of the command itself */
  invoke(argv: readonly string[], signal: AbortSignal): Promise<void>
  /** @param which `all` also lists the options that are ignored or refused */
  help(which: "taken" | "all"): string
}

/** Makes a command from its spec. */
export function defineCommand<Table extends OptionTable>(spec: CommandSpec<Table>): Command {
  const {
    name,
    options,
    groups = [["Options", options]],
    endsItself = false,
    configFile = "",
    saysNotes = false,
  } = spec
  const help = (which: "taken" | "all"): string => commandHelp(spec, groups, which)
  return {
    name,
    groups,
    endsItself,
    help,
    async invoke(argv, signal) {
      const parsed = parseArguments(options, argv, name)
      if (parsed.help !== null) {
        print(help(parsed.help))
        return
      }
      const layer = readLayer(options, { where: name, entries: parsed.entries, spell: flagName })
      const problems = [...parsed.problems, ...(parsed.hasUnknown ? [] : countProblems(spec, parsed.positionals))]
      const line: Layer = {
        ...layer,
        broken: new Set([...layer.broken, ...parsed.broken]),
        notes: [...parsed.notes, ...layer.notes],
      }
      const texts = { title: name, spell: flagName, refuse: usageError, describe: describeInput }
      const { outputConfig } = spec
      if (outputConfig !== undefined && line.values.get(outputConfig)?.value === true) {
        return writeConfig(
          { name, options, configFile, outputConfig },
          { ...line, problems: [...problems, ...line.problems] },
          parsed.entries,
        )
      }
      const file = await configLayer(spec, line, problems)
      const layers = file === null ? [line] : [line, file]
      const reader = joinLayers(options, { ...texts, layers, problems })
      if (!saysNotes) for (const note of parsed.notes) process.stderr.write(`Note: ${note}\n`)
      await spec.run(reader, parsed.positionals, signal)
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

/**
 * Writes the options of a command line to the file that it names. Each is checked by itself, and together they are
 * checked when the file is used.
 *
 * @throws UsageError with all problems of the options; the errors of `writeOptions`
 */
async function writeConfig(
  { name, options, configFile, outputConfig }: OutputSpec,
  line: Layer,
  entries: Arguments["entries"],
): Promise<void> {
  const path = line.values.get(configFile)?.value
  const problems = [...line.problems]
  if (typeof path !== "string" && !line.broken.has(configFile)) {
    const [file, flag] = [flagName(configFile), flagName(outputConfig)]
    problems.push({ where: name, text: `${file} is missing, expected the name of the file that ${flag} writes` })
  }
  if (problems.length > 0) throw usageError(describeProblems(name, problems, line.notes))
  const written = await writeOptions(String(path), optionsText(options, entries, [configFile, outputConfig]))
  for (const note of line.notes) print(`Note: ${note}`)
  print(`Saved ${written}`)
}

/** What writing a file of options takes of a command. */
interface OutputSpec extends Pick<CommandSpec<OptionTable>, "name" | "options"> {
  readonly configFile: string
  readonly outputConfig: string
}

/**
 * The options of the file that the command line names. If it cannot be read, it is not known which options are missing.
 * So the problems until then are the answer.
 */
async function configLayer<Table extends OptionTable>(
  { name, configFile, configOf, options }: CommandSpec<Table>,
  line: Layer,
  problems: readonly Problem[],
): Promise<Layer | null> {
  const path = configFile === undefined ? undefined : line.values.get(configFile)?.value
  if (typeof path !== "string") return null
  try {
    return await readConfigLayer(options, path, configOf)
  } catch (error) {
    const text = describeInput(error)
    const before = [...problems, ...line.problems]
    if (text === null || before.length === 0) throw error
    throw usageError(describeProblems(name, [...before, { where: name, text }], line.notes))
  }
}

function countProblems<Table extends OptionTable>(
  { name, positionals = { text: "", min: 0 } }: CommandSpec<Table>,
  received: readonly string[],
): readonly Problem[] {
  const { text, min, max = min } = positionals
  const usage = `lllite ${name} ${text}`.trim()
  if (received.length < min) {
    const came = received.length === 0 ? "" : `, received ${received.length}`
    return [{ where: name, text: `expected ${text}${came}. Type: ${usage}` }]
  }
  const extra = received.slice(max).map((each) => JSON.stringify(each))
  if (extra.length === 0) return []
  const names = extra.length > 3 ? `${extra.slice(0, 3).join(", ")} …` : extra.join(", ")
  const takes = max === 0 ? "only options, which begin with --" : `${text} and options, which begin with --`
  const what = extra.length === 1 ? "one argument" : `${extra.length} arguments`
  return [{ where: name, text: `${what} too many: ${names}. Expected ${takes}` }]
}
