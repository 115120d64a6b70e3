/** What reading a value gives: the value, or what was expected instead of it, or of a part of it. */
export type Reading<T> = { readonly value: T } | { readonly expected: string; readonly part?: unknown }

/**
 * How many arguments of a command line belong to an option. `many` takes all up to the next option, `each` takes one and
 * may be given again.
 */
export type Arity = "none" | "one" | "each" | "many"

/** An option that is followed. `T` is what its value is read as, or its default where it is not given. */
export interface TakenOption<T> {
  readonly fate: "taken"
  /** One or two sentences. */
  readonly help: string
  readonly arity: Arity
  /** What stands for the value in help: `--seed <number>`. */
  readonly valueName: string
  /** Other names of the same option. */
  readonly aliases: readonly string[]
  /** Values, beside the usual ones, that mean the same as leaving the option out. */
  readonly nothing: readonly unknown[]
  /** Which values there are, for help: `0 to 1`. Null where any will do. */
  readonly range: string | null
  /** The default in words. Null where there is nothing to say. */
  readonly otherwise: string | null
  /** Of an option that must be given: what is expected. */
  readonly required: string | null
  /** The value where the option is not given. A required option has an empty one, which no caller receives. */
  readonly fallback: T
  read(raw: unknown): Reading<T>
}

/** An option of sd-scripts that changes nothing here. It is taken, and a note says why it has no effect. */
export interface IgnoredOption {
  readonly fate: "ignored"
  readonly reason: string
  readonly nothing: readonly unknown[]
}

/** An option of sd-scripts that would change the result and cannot be followed. */
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

/** `min_snr_gamma` is `minSnrGamma`. */
export type CamelCase<Name extends string> = Name extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<CamelCase<Rest>>}`
  : Name

/** The values of a table's options, by their names in camelCase. */
export type Settings<Table extends OptionTable> = {
  readonly [Name in keyof Table & string as Table[Name] extends TakenOption<unknown>
    ? CamelCase<Name>
    : never]: Table[Name] extends TakenOption<infer Value> ? Value : never
}

/** What every option that is followed may say. */
export interface OptionText {
  readonly help: string
  readonly aliases?: readonly string[]
  /** Values that mean the same as leaving the option out, for example 0. */
  readonly nothing?: readonly unknown[]
  /** The default in words, where it is not one value. */
  readonly otherwise?: string
  /** What stands for the value in help. */
  readonly valueName?: string
}

/** An option that always has a value: it has a default, or must be given. */
export type Certain<T> = { readonly default: T } | { readonly required: string }

/** How values of a kind are read. */
export interface OptionKind<T> {
  readonly arity: Arity
  readonly valueName: string
  readonly range?: string
  /** What stands for a required value that is missing. */
  readonly empty: T
  read(raw: unknown): Reading<T>
}

/** An option of any kind: the way to define one that {@link text}, `number` and the others do not cover. */
export function taken<T>(kind: OptionKind<T>, spec: OptionText & Certain<T>): TakenOption<T>
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

/** How files and scripts say that an option is not wanted. */
const NOTHING = ["", "no", "none", "false"]

/** An option that is taken and has no effect. @param reason why, as half a sentence */
export function ignored(
  reason: string,
  { nothing = [] }: { readonly nothing?: readonly unknown[] } = {},
): IgnoredOption {
  return { fate: "ignored", reason, nothing: [...NOTHING, ...nothing] }
}

/**
 * An option that cannot be followed. Values in `nothing` ask for nothing and are taken: sd-scripts' default, mostly.
 *
 * @param reason why, as half a sentence
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

/** Whether a value means the same as leaving its option out: false, an empty list, or one that the option names. */
export function asksForNothing(raw: unknown, nothing: readonly unknown[]): boolean {
  if (raw === null || raw === false || (Array.isArray(raw) && raw.length === 0)) return true
  const text = typeof raw === "string" ? raw.trim().toLowerCase() : null
  return nothing.some((value) => {
    if (typeof value === "string") return text === value.toLowerCase()
    return raw === value || (typeof value === "number" && text !== null && text !== "" && Number(text) === value)
  })
}

function shownDefault(value: unknown): string | null {
  if (value === false || value === "" || (Array.isArray(value) && value.length === 0)) return null
  return Array.isArray(value) ? value.join(" ") : String(value)
}
