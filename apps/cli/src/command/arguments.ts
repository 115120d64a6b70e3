import type { OptionTable, Problem } from "@lllite/runtime-node/options"
import { findOption, optionName } from "@lllite/runtime-node/options"

/** A command line, split by a table of options. Only missing values are reported yet. */
export interface Arguments {
  /** Options as they were written, with what followed them. */
  readonly entries: readonly (readonly [written: string, value: unknown])[]
  /** Arguments that are neither options nor values of options. */
  readonly positionals: readonly string[]
  readonly problems: readonly Problem[]
  /** Options whose first value is not used, one sentence each. */
  readonly notes: readonly string[]
  /** Options that lack their value, by the table's names. */
  readonly broken: readonly string[]
  /** Whether the command line has an option that does not exist. */
  readonly hasUnknown: boolean
  /** Which options help shows. Null: no help is asked for. */
  readonly help: "taken" | "all" | null
}

/**
 * Splits a command line. `--name value` and `--name=value` mean the same. Dashes and underscores in names mean the same.
 * A value is taken as it is, dashes included. Everything after a lone `--` is a positional. Of an option of one value, the
 * last value counts, as in Python's argparse.
 *
 * @param where the command's name, for problems
 */
export function parseArguments(table: OptionTable, argv: readonly string[], where: string): Arguments {
  const entries = new Map<string, readonly [string, unknown]>()
  const positionals: string[] = []
  const problems: Problem[] = []
  const notes = new Map<string, string>()
  const broken: string[] = []
  const unknown: (readonly [string, unknown])[] = []
  let help: Arguments["help"] = null
  const isKnown = (text: string): boolean =>
    text.startsWith("--") && (optionName(text) === "help" || findOption(table, text) !== null)
  let i = 0
  const takeMany = (): string[] => {
    const from = i
    while (i < argv.length && argv[i]?.startsWith("--") !== true) i += 1
    return argv.slice(from, i)
  }
  while (i < argv.length) {
    const argument = argv[i] ?? ""
    i += 1
    if (argument === "--") {
      positionals.push(...argv.slice(i))
      break
    }
    if (argument === "-h" || argument === "--help") {
      help = argv[i] === "all" ? "all" : "taken"
      if (help === "all") i += 1
      continue
    }
    if (!/^--./.test(argument) && !/^-[a-z]/i.test(argument)) {
      positionals.push(argument)
      continue
    }
    const equals = argument.indexOf("=")
    const written = equals < 0 ? argument : argument.slice(0, equals)
    const inline = equals < 0 ? undefined : argument.slice(equals + 1)
    const found = written.startsWith("--") ? findOption(table, written) : null
    if (found === null) {
      unknown.push([written, true])
      continue
    }
    const [name, option] = found
    // An alias and its option have different keys. So `readLayer` notices that both are there.
    const key = optionName(written)
    const before = entries.get(key)?.[1]
    if (option.fate !== "taken" || option.arity === "many") {
      const values = inline === undefined ? takeMany() : [inline]
      if (option.fate !== "taken") {
        entries.set(key, [written, values.length === 0 ? true : values.length === 1 ? values[0] : values])
        continue
      }
      if (values.length === 0) {
        problems.push({
          where,
          text: `${written} has no value, expected one or more: ${written} <${option.valueName}...>`,
        })
        broken.push(name)
        continue
      }
      entries.set(key, [written, Array.isArray(before) ? [...before, ...values] : values])
      continue
    }
    if (option.arity === "none") {
      entries.set(key, [written, inline ?? true])
      continue
    }
    const next = inline ?? argv[i]
    if (next === undefined || (inline === undefined && isKnown(next))) {
      const aside = next === undefined ? "" : `. ${next} is an option. To use it as the value, type ${written}=${next}`
      problems.push({ where, text: `${written} has no value, expected one: ${written} <${option.valueName}>${aside}` })
      broken.push(name)
      continue
    }
    if (inline === undefined) i += 1
    const value = option.arity === "each" ? [...(Array.isArray(before) ? before : []), next] : next
    if (option.arity === "one" && before !== undefined)
      notes.set(key, `${written} appears twice or more. The last value is used.`)
    entries.set(key, [written, value])
  }
  const isUnknown = unknown.length > 0
  return {
    ...{ entries: [...entries.values(), ...unknown], positionals, problems, notes: [...notes.values()], broken, help },
    hasUnknown: isUnknown,
  }
}
