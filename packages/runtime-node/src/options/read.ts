import { nearest } from "./nearest.ts"
import type { AnyOption, OptionTable, Settings, TakenOption } from "./option.ts"
import { asksForNothing } from "./option.ts"

/** Where options are given: a command line, a TOML file, one of its tables. */
export interface OptionSource {
  /** Names the place in errors: `train`, or a file's path in quotes. */
  readonly where: string
  /**
   * Names as they were written, dashes included, with what was given. A third element is what errors call the option,
   * where that is another name.
   */
  readonly entries: Iterable<readonly [name: string, value: unknown, written?: string]>
  /** Writes a name as this place does, for advice. Default: the name itself. */
  readonly spell?: (name: string) => string
  /** Options that are known and stand elsewhere. */
  readonly elsewhere?: OptionTable
}

/** Something that is wrong, and where. */
export interface Problem {
  readonly where: string
  /** A sentence without its full stop, or several. */
  readonly text: string
}

interface Given {
  readonly where: string
  readonly written: string
  readonly value: unknown
  /** Whether it asks for something. */
  readonly asks: boolean
}

/** What one place gives, checked option by option. */
export interface Layer {
  readonly given: ReadonlyMap<string, Given>
  /** Options whose values were refused. */
  readonly broken: ReadonlySet<string>
  /** What was asked for and has no effect, one sentence each. */
  readonly notes: readonly string[]
  readonly problems: readonly Problem[]
}

/** The name that tables have for an option: `--network-dim`, `network_dim` and `networkDim` are one. */
export function optionName(written: string): string {
  return written
    .replace(/^--/, "")
    .replaceAll("-", "_")
    .replaceAll(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** The option that a written name means, by its own name or an alias. */
export function findOption(table: OptionTable, written: string): readonly [name: string, option: AnyOption] | null {
  const name = optionName(written)
  const own = Object.hasOwn(table, name) ? table[name] : undefined
  if (own !== undefined) return [name, own]
  return Object.entries(table).find(([, option]) => option.fate === "taken" && option.aliases.includes(name)) ?? null
}

/** Checks what one place gives against a table. Problems are collected, not thrown. */
export function readLayer(table: OptionTable, source: OptionSource): Layer {
  const { where, spell = (name) => name } = source
  const given = new Map<string, Given>()
  const broken = new Set<string>()
  const notes: string[] = []
  const problems: Problem[] = []
  for (const [as, raw, written = as] of source.entries) {
    if (raw === undefined) continue
    const found = findOption(table, as)
    if (found === null) {
      problems.push({ where, text: unknownOption(table, as, spell, source.elsewhere) })
      continue
    }
    const [name, option] = found
    const asks = !asksForNothing(raw, option.nothing)
    if (option.fate === "refused") {
      if (asks) problems.push({ where, text: `${written} cannot be followed: ${option.reason}. ${option.instead}` })
      continue
    }
    if (option.fate === "ignored") {
      if (asks) notes.push(`${written} has no effect: ${option.reason}.`)
      continue
    }
    const before = given.get(name)
    if (before !== undefined) {
      const isSame = optionName(before.written) === optionName(written)
      const text = isSame
        ? `${written} is given twice. Keep one.`
        : `${before.written} and ${written} mean the same. Give one of them.`
      problems.push({ where, text })
      broken.add(name)
      continue
    }
    const reading = asks ? option.read(raw) : { value: option.fallback }
    if ("expected" in reading) {
      const came = "part" in reading ? `has ${shown(reading.part)}` : `is ${shown(raw)}`
      problems.push({ where, text: `${written} ${came}, expected ${reading.expected}${meant(option, raw)}` })
      broken.add(name)
    } else {
      given.set(name, { where, written, value: reading.value, asks })
    }
  }
  return { given, broken, notes, problems }
}

/** A table's options that are followed, by their names in camelCase. */
export type SettingName<Table extends OptionTable> = keyof Settings<Table> & string

/** A table's values out of several places, and what is wrong with them. */
export interface OptionReader<Table extends OptionTable> {
  /** What the options say. A value that was refused stands as its default until {@link finish} throws. */
  readonly settings: Settings<Table>
  /** What was asked for and has no effect, one sentence each. */
  readonly notes: readonly string[]
  /** Whether an option was given, with a value that asks for something. */
  isGiven(key: SettingName<Table>): boolean
  /** An option's name as it was written, or as it would be. */
  nameOf(key: SettingName<Table>): string
  /**
   * Checks options that depend on each other. The check is left out when one of them was refused already.
   *
   * @param problem says what is wrong, or null
   */
  check(keys: readonly SettingName<Table>[], problem: () => string | null): void
  /** The settings. @throws what `refuse` makes of all problems together */
  finish(): Settings<Table>
}

export interface ReaderOptions {
  /** What the options belong to, for errors: `train`. */
  readonly title: string
  /** Layers by precedence, the first wins. */
  readonly layers: readonly Layer[]
  /** Writes the name of an option that was not given. */
  readonly spell?: (name: string) => string
  readonly refuse: (message: string) => Error
  /** Problems that were found before. */
  readonly problems?: readonly Problem[]
  /** Receives what joining and checking find. Default: the reader keeps it until {@link OptionReader.finish}. */
  readonly report?: (problem: Problem) => void
}

/** Joins layers into a table's settings. */
export function joinLayers<Table extends OptionTable>(table: Table, options: ReaderOptions): OptionReader<Table> {
  const { title, layers, spell = (name) => name, refuse } = options
  const problems = [...(options.problems ?? []), ...layers.flatMap((layer) => layer.problems)]
  const { report = (problem) => void problems.push(problem) } = options
  const broken = new Set(layers.flatMap((layer) => [...layer.broken]).map(camelCase))
  const given = new Map<string, Given>()
  const names = new Map<string, string>()
  const values: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(table)) {
    if (option.fate !== "taken") continue
    const key = camelCase(name)
    const found = layers.map((layer) => layer.given.get(name)).find((each) => each !== undefined)
    names.set(key, found?.asks === true ? found.written : spell(name))
    values[key] = found === undefined ? option.fallback : found.value
    if (found?.asks === true) given.set(key, found)
    if (option.required !== null && found?.asks !== true && !broken.has(key)) {
      report({ where: title, text: `${spell(name)} is missing, expected ${option.required}` })
      broken.add(key)
    }
  }
  if (!holdsAll(table, values)) throw new Error("an option has no value")
  return {
    settings: values,
    notes: layers.flatMap((layer) => layer.notes),
    isGiven: (key) => given.has(key),
    nameOf: (key) => names.get(key) ?? key,
    check(keys, problem) {
      if (keys.some((key) => broken.has(key))) return
      const text = problem()
      if (text === null) return
      const where = keys.map((key) => given.get(key)?.where).find((place) => place !== undefined) ?? title
      report({ where, text })
    },
    finish() {
      if (problems.length > 0) throw refuse(describeProblems(title, problems))
      return values
    },
  }
}

/** All problems in one message: a line for one, a list for several. */
export function describeProblems(title: string, problems: readonly Problem[]): string {
  const [only] = problems
  if (only !== undefined && problems.length === 1) return `${only.where}: ${only.text}`
  const inside = (where: string): string =>
    where === title ? "" : `${where.startsWith(`${title}: `) ? where.slice(title.length + 2) : where}: `
  const lines = problems.map(({ where, text }) => `\n  - ${inside(where)}${text}`)
  return `${title}: ${problems.length} problems:${lines.join("")}`
}

/** A value for a message: as JSON, cut where it is long. A number stands without quotes, on a command line, too. */
export function shown(value: unknown): string {
  if (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value)) return value
  if (typeof value === "number") return String(value)
  const text = value === undefined ? "missing" : (JSON.stringify(value) ?? String(value))
  return text.length <= 120 ? text : `${text.slice(0, 120)}…`
}

/** Every option that is followed has a value. Each value came from its own option's `read`, or is its default. */
function holdsAll<Table extends OptionTable>(
  table: Table,
  values: Readonly<Record<string, unknown>>,
): values is Readonly<Record<string, unknown>> & Settings<Table> {
  return Object.entries(table).every(
    ([name, option]) => option.fate !== "taken" || Object.hasOwn(values, camelCase(name)),
  )
}

function camelCase(name: string): string {
  return name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())
}

function unknownOption(
  table: OptionTable,
  written: string,
  spell: (name: string) => string,
  elsewhere: OptionTable | undefined,
): string {
  if (elsewhere !== undefined && findOption(elsewhere, written) !== null) {
    return `there is no option ${written} here. It belongs to another table.`
  }
  const entries = Object.entries(table)
  const names = entries.flatMap(([name, option]) => (option.fate === "taken" ? [name, ...option.aliases] : []))
  const others = entries.flatMap(([name, option]) => (option.fate === "taken" ? [] : [name]))
  const near = nearest(optionName(written), [...names, ...others])
  return `there is no option ${written}.${near === null ? "" : ` Did you mean ${spell(near)}?`}`
}

/** Advice where a name among some was misspelt. */
function meant({ range, valueName }: TakenOption<unknown>, raw: unknown): string {
  if (valueName !== "name" || range === null || typeof raw !== "string") return ""
  const near = nearest(raw, range.split(", "))
  return near === null ? "" : `. Did you mean ${near}?`
}
