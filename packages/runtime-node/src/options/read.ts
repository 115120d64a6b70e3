import { listText, nearest } from "@lllite/core/names"
import type { AnyOption, OptionTable, Settings, TakenOption } from "./option.ts"
import { asksForNothing } from "./option.ts"
import type { Problem } from "./problems.ts"
import { describeProblems, problemsOf } from "./problems.ts"

/**
 * A name as it was written, dashes included, and its value. `written` is the name for errors, if that is another.
 * `line` is the line of a file, from 1.
 */
export type OptionEntry = readonly [
  name: string,
  value: unknown,
  written?: string | undefined,
  line?: number | undefined,
]

/** A source of options: a command line, a TOML file, or one of its tables. */
export interface OptionSource {
  /** Names the place in errors: `train`, or a file's path in quotes. */
  readonly where: string
  readonly entries: Iterable<OptionEntry>
  /** Spells a name as in this source, for advice. Default: the name itself. */
  readonly spell?: (name: string) => string
  /** Options that belong to another table. */
  readonly elsewhere?: OptionTable
}

interface OptionValue {
  readonly where: string
  readonly line: number | undefined
  readonly written: string
  readonly value: unknown
  /** False if the value means the same as leaving the option out. */
  readonly isActive: boolean
}

/** The options of one source, checked one by one. */
export interface Layer {
  readonly values: ReadonlyMap<string, OptionValue>
  /** Options whose values were refused. */
  readonly broken: ReadonlySet<string>
  /** Options that have no effect, one sentence each. */
  readonly notes: readonly string[]
  readonly problems: readonly Problem[]
}

/** The name that tables have for an option: `--network-dim`, `network_dim` and `networkDim` are one. */
export function optionName(written: string): string {
  return written
    .replace(/^--/, "")
    .replaceAll("-", "_")
    .replaceAll(/(?<=[A-Za-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** Finds an option by its name or an alias. */
export function findOption(table: OptionTable, written: string): readonly [name: string, option: AnyOption] | null {
  const name = optionName(written)
  const exact = Object.hasOwn(table, name) ? table[name] : undefined
  if (exact !== undefined) return [name, exact]
  return Object.entries(table).find(([, option]) => option.fate === "taken" && option.aliases.includes(name)) ?? null
}

/** Checks the options of a source against a table. Problems are collected, not thrown. */
export function readLayer(table: OptionTable, source: OptionSource): Layer {
  const { where, spell = (name) => name } = source
  const values = new Map<string, OptionValue>()
  const broken = new Set<string>()
  const ignored = new Map<string, string[]>()
  const problems: Problem[] = []
  for (const [as, raw, written = as, line] of source.entries) {
    if (raw === undefined) continue
    const report = (text: string): void =>
      void problems.push(line === undefined ? { where, text } : { where, line, text })
    const found = findOption(table, as)
    if (found === null) {
      report(unknownOption(table, as, spell, source.elsewhere))
      continue
    }
    const [name, option] = found
    const isActive = !asksForNothing(raw, option.nothing)
    if (option.fate === "refused") {
      if (isActive) report(`${written} is not supported: ${option.reason}. ${option.instead}`)
      continue
    }
    if (option.fate === "ignored") {
      if (isActive) ignored.set(option.reason, [...(ignored.get(option.reason) ?? []), written])
      continue
    }
    const before = values.get(name)
    // A name that asks for nothing does not speak against another name of the same option.
    if (before !== undefined && !isActive) continue
    if (before?.isActive === true) {
      const isSame = optionName(before.written) === optionName(written)
      const text = isSame
        ? `${written} appears twice. Keep one.`
        : `${before.written} and ${written} mean the same. Keep one of them.`
      report(text)
      broken.add(name)
      continue
    }
    const reading = isActive ? option.read(raw) : { value: option.fallback }
    if ("expected" in reading) {
      const { expected, parts } = reading
      if (parts === undefined) report(`${written} is ${shown(raw)}, expected ${expected}${meant(option, raw)}`)
      else for (const wrong of parts) report(`${written} has ${shown(wrong.part)}, expected ${wrong.expected}`)
      broken.add(name)
    } else {
      values.set(name, { where, line, written, value: reading.value, isActive })
    }
  }
  return { values, broken, notes: [...ignored].map(([reason, names]) => effectNote(names, reason)), problems }
}

/** One sentence for all options that have no effect for one reason: `lowram and highvram have no effect: …`. */
function effectNote(names: readonly string[], reason: string): string {
  const all = listText(names, "and")
  return `${all} ${names.length === 1 ? "has" : "have"} no effect: ${reason}.`
}

/** Names of a table's taken options, in camelCase. */
export type SettingName<Table extends OptionTable> = keyof Settings<Table> & string

/** A table's values from several sources, and their problems. */
export interface OptionReader<Table extends OptionTable> {
  /** The values. A refused value is its default here, until {@link finish} throws. */
  readonly settings: Settings<Table>
  /** Options that have no effect, one sentence each. */
  readonly notes: readonly string[]
  /** Whether a source has the option, with a value that does not mean leaving it out. */
  isGiven(key: SettingName<Table>): boolean
  /** An option's name as the source wrote it. For an absent option, as `spell` writes it. */
  nameOf(key: SettingName<Table>): string
  /** The place of the source that gives an option. Null for an absent option. */
  whereOf(key: SettingName<Table>): string | null
  /**
   * Checks options that depend on each other. The check does not run if one of them was refused already. After a
   * problem, the first one counts as refused.
   *
   * @param problem returns the problem, or null, or a list of problems
   */
  check(keys: readonly SettingName<Table>[], problem: () => string | null | readonly string[]): void
  /**
   * Examines files that options name. An error of the work that `describe` knows becomes a problem. Other errors are
   * thrown. The work does not run if one of the options was refused already, or if it is required and missing.
   *
   * @returns the result of the work, or null
   */
  examine<T>(keys: readonly SettingName<Table>[], work: () => Promise<T>): Promise<T | null>
  /** A reader of the same sources, and of one that has priority over them. */
  override(source: OptionSource): OptionReader<Table>
  /** A reader of the same sources, which have priority over another one. A value that asks for nothing has it, too. */
  withDefaults(source: OptionSource): OptionReader<Table>
  /**
   * The settings.
   *
   * @throws what `refuse` makes of all problems together. A single problem that `examine` found is thrown as it was
   */
  finish(): Settings<Table>
}

export interface ReaderOptions {
  /** The owner of the options, for errors: `train`. */
  readonly title: string
  /** Layers by priority, the highest first. */
  readonly layers: readonly Layer[]
  /** Spells the name of an absent option. */
  readonly spell?: (name: string) => string
  readonly refuse: (message: string) => Error
  /** The text of an error of {@link OptionReader.examine}. Null: the error is not about input. Default: null. */
  readonly describe?: (error: unknown) => string | null
  /** Problems found before. */
  readonly problems?: readonly Problem[]
  /** Receives problems of joining and checking. Default: the reader keeps them until {@link OptionReader.finish}. */
  readonly report?: (problem: Problem) => void
}

/** Joins layers into a table's settings. */
export function joinLayers<Table extends OptionTable>(table: Table, options: ReaderOptions): OptionReader<Table> {
  const { title, layers, spell = (name) => name, refuse, describe = () => null } = options
  const problems = [...(options.problems ?? []), ...layers.flatMap((layer) => layer.problems)]
  const { report = (problem) => void problems.push(problem) } = options
  const broken = new Set(layers.flatMap((layer) => [...layer.broken]).map(camelCase))
  const active = new Map<string, OptionValue>()
  const names = new Map<string, string>()
  const values: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(table)) {
    if (option.fate !== "taken") continue
    const key = camelCase(name)
    const found = layers.map((layer) => layer.values.get(name)).find((each) => each !== undefined)
    names.set(key, found?.isActive === true ? found.written : spell(name))
    values[key] = found === undefined ? option.fallback : found.value
    if (found?.isActive === true) active.set(key, found)
    if (option.required !== null && found?.isActive !== true && !broken.has(key)) {
      report({ where: title, text: `${spell(name)} is missing, expected ${option.required}` })
      broken.add(key)
    }
  }
  if (!holdsAll(table, values)) throw new Error("an option has no value")
  const notes = layers.flatMap((layer) => layer.notes)
  const placeOf = (keys: readonly string[]): Pick<Problem, "where" | "line"> => {
    const place = keys.map((key) => active.get(key)).find((each) => each !== undefined)
    if (place === undefined) return { where: title }
    return place.line === undefined ? { where: place.where } : { where: place.where, line: place.line }
  }
  const causes: unknown[] = []
  return {
    settings: values,
    notes,
    isGiven: (key) => active.has(key),
    nameOf: (key) => names.get(key) ?? key,
    whereOf: (key) => active.get(key)?.where ?? null,
    check(keys, problem) {
      if (keys.some((key) => broken.has(key))) return
      const found = problem()
      const texts = found === null ? [] : [found].flat()
      if (texts.length === 0) return
      for (const text of texts) report({ ...placeOf(keys), text })
      const [first] = keys
      if (first !== undefined) broken.add(first)
    },
    async examine(keys, work) {
      if (keys.some((key) => broken.has(key))) return null
      try {
        return await work()
      } catch (error) {
        const text = describe(error)
        if (text === null) throw error
        causes.push(error)
        for (const problem of problemsOf(error) ?? [{ ...placeOf(keys), text }]) report(problem)
        return null
      }
    },
    override: (source) => joinLayers(table, { ...options, layers: [readLayer(table, source), ...layers] }),
    withDefaults: (source) => joinLayers(table, { ...options, layers: [...layers, readLayer(table, source)] }),
    finish() {
      if (problems.length === 0) return values
      const [cause] = causes
      const isAll = causes.length === 1 && problems.length === (problemsOf(cause)?.length ?? 1)
      if (isAll && notes.length === 0) throw cause
      throw refuse(describeProblems(title, problems, notes))
    },
  }
}

/** A value for a message: JSON, cut if it is long. Numbers have no quotes, even from a command line. */
export function shown(value: unknown): string {
  if (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value)) return value
  if (typeof value === "number" || typeof value === "bigint") return String(value)
  const text = value === undefined ? "missing" : (JSON.stringify(value, exactNumbers) ?? String(value))
  return text.length <= 120 ? text : `${text.slice(0, 120)}…`
}

/** JSON has no NaN, no infinities and no big integers. */
function exactNumbers(_: string, value: unknown): unknown {
  return typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value)) ? String(value) : value
}

/** Whether every taken option has a value. Each value is the result of its option's `read`, or its default. */
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
  const name = optionName(written)
  // Of several names that are as near, the one that counts is meant.
  const near = nearest(name, [...names, ...others]) ?? nearest(name, names)
  return `there is no option ${written}.${near === null ? "" : ` Did you mean ${spell(near)}?`}`
}

/** Advice for a misspelt name. */
function meant({ range, valueName }: TakenOption<unknown>, raw: unknown): string {
  if (valueName !== "name" || range === null || typeof raw !== "string") return ""
  const near = nearest(raw, range.split(", "))
  return near === null ? "" : `. Did you mean ${near}?`
}
