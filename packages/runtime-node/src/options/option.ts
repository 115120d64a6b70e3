/** The result of reading a value: the value, or what was expected instead. `parts` are the wrong parts of a list. */
export type Reading<T> = { readonly value: T } | { readonly expected: string; readonly parts?: readonly WrongPart[] }

/** A part of a list that cannot be read. */
export interface WrongPart {
  readonly part: unknown
  readonly expected: string
}

/**
 * Number of arguments that an option takes on a command line. `many` takes all up to the next option. `each` takes one,
 * and can be repeated.
 */
export type Arity = "none" | "one" | "each" | "many"

/** An option that has an effect. `T` is the type of its value and of its default. */
export interface TakenOption<T> {
  readonly fate: "taken"
  /** One or two sentences. */
  readonly help: string
  readonly arity: Arity
  /** The placeholder of the value in help: `--seed <number>`. */
  readonly valueName: string
  /** Other names of the same option. */
  readonly aliases: readonly string[]
  /** Further values that mean the same as leaving the option out. */
  readonly nothing: readonly unknown[]
  /** The allowed values, for help: `0 to 1`. Null: any value. */
  readonly range: string | null
  /** The default in words. Null: help shows no default. */
  readonly otherwise: string | null
  /** What is expected, if the option is required. */
  readonly required: string | null
  /** The value of an absent option. A required option has an empty one, which no caller receives. */
  readonly fallback: T
  read(raw: unknown): Reading<T>
}

/** An option of sd-scripts that has no effect here. A note says why. */
export interface IgnoredOption {
  readonly fate: "ignored"
  readonly reason: string
  readonly nothing: readonly unknown[]
}

/** An option of sd-scripts that would change the result and is not supported. */
export interface RefusedOption {
  readonly fate: "refused"
  readonly reason: string
  /** What to do instead, as a sentence. */
  readonly instead: string
  readonly nothing: readonly unknown[]
}

export type AnyOption = TakenOption<unknown> | IgnoredOption | RefusedOption

/** Options by sd-scripts' names. */
export type OptionTable = Readonly<Record<string, AnyOption>>

/** A name in camelCase: `min_snr_gamma` is `minSnrGamma`. */
export type CamelCase<Name extends string> = Name extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<CamelCase<Rest>>}`
  : Name

/** The values of a table's options, by their names in camelCase. */
export type Settings<Table extends OptionTable> = {
  readonly [Name in keyof Table & string as Table[Name] extends TakenOption<unknown>
    ? CamelCase<Name>
    : never]: Table[Name] extends TakenOption<infer Value> ? Value : never
}

/** Fields of every taken option. */
export interface OptionText {
  readonly help: string
  readonly aliases?: readonly string[]
  /** Values that mean the same as leaving the option out, for example 0. */
  readonly nothing?: readonly unknown[]
  /** The default in words, if it is not a single value. */
  readonly otherwise?: string
  /** The placeholder of the value in help. */
  readonly valueName?: string
}

/** An option that always has a value: it has a default or is required. */
export type Certain<T> = { readonly default: T } | { readonly required: string }

/** A kind of option: how its values are read. */
export interface OptionKind<T> {
  readonly arity: Arity
  readonly valueName: string
  readonly range?: string
  /** The value in place of a missing required one. */
  readonly empty: T
  read(raw: unknown): Reading<T>
}

/** `NoInfer`, which TypeScript has from 5.4 on. */
export type NotInferred<T> = [T][T extends unknown ? 0 : never]

/** An option of any kind. Use it if {@link text}, `number` and the others do not fit. */
export function taken<T>(kind: OptionKind<T>, spec: OptionText & Certain<NotInferred<T>>): TakenOption<T>
export function taken<T>(kind: OptionKind<T>, spec: OptionText): TakenOption<T | undefined>
export function taken<T>(kind: OptionKind<T>, spec: OptionText & Partial<Certain<T>>): TakenOption<T | undefined> {
  const fallback = "default" in spec ? spec.default : undefined
  const required = "required" in spec ? (spec.required ?? null) : null
  return {
    fate: "taken",
    help: spec.help,
    arity: kind.arity,
    valueName: spec.valueName ?? kind.valueName,
    aliases: spec.aliases ?? [],
    nothing: spec.nothing ?? [],
    range: kind.range ?? null,
    otherwise: spec.otherwise ?? (fallback === undefined ? null : shownDefault(fallback)),
    required,
    fallback: required === null ? fallback : kind.empty,
    read: kind.read,
  }
}

/** Values with which files and scripts leave an option out. `None` and `False` are Python's. */
const NOTHING = ["", "no", "none", "null", "false", 0]

/** The reason of an option that has an effect only beside a refused one, which is refused where it is there. */
export function belongsTo(option: string): string {
  return `only ${option} uses it, which is not supported`
}

/** An option without effect. @param reason why, as a clause without a full stop */
export function ignored(
  reason: string,
  { nothing = [] }: { readonly nothing?: readonly unknown[] } = {},
): IgnoredOption {
  return { fate: "ignored", reason, nothing: [...NOTHING, ...nothing] }
}

/**
 * An option that is refused. Values in `nothing` mean leaving it out and are accepted: mostly sd-scripts' default.
 *
 * @param reason why, as a clause without a full stop
 */
export function refused(
  reason: string,
  {
    instead = "Leave it out.",
    nothing = [],
  }: { readonly instead?: string; readonly nothing?: readonly unknown[] } = {},
): RefusedOption {
  return { fate: "refused", reason, instead, nothing: [...NOTHING, ...nothing] }
}

/**
 * Whether a value means leaving its option out: false, an empty list or table, a value in `nothing`, or a list of such
 * values. A text in `nothing` holds without the spaces around it, and a pattern for the text as it is.
 */
export function asksForNothing(raw: unknown, nothing: readonly unknown[]): boolean {
  if (raw === null || raw === false) return true
  if (Array.isArray(raw)) return raw.every((entry: unknown) => asksForNothing(entry, nothing))
  if (typeof raw === "object" && !(raw instanceof Date) && Object.keys(raw).length === 0) return true
  const text = typeof raw === "string" ? raw.trim().toLowerCase() : null
  return nothing.some((value) => {
    if (value instanceof RegExp) return typeof raw === "string" && value.test(raw)
    if (typeof value === "string") return text === value.toLowerCase()
    return raw === value || (typeof value === "number" && text !== null && text !== "" && Number(text) === value)
  })
}

function shownDefault(value: unknown): string | null {
  if (value === false || value === "" || (Array.isArray(value) && value.length === 0)) return null
  return Array.isArray(value) ? value.join(" ") : String(value)
}
