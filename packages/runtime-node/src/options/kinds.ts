import type { NumberRange, Seed } from "@lllite/core/names"
import { GENERATE_RANGES, isInRange, listText, rangeText, readSeed } from "@lllite/core/names"
import type { Certain, NotInferred, OptionKind, OptionText, Reading, TakenOption, WrongPart } from "./option.ts"
import { taken } from "./option.ts"

/** Steps as `lr_warmup_steps` gives them: a count, or a share of the whole run. */
export type StepCount = { readonly steps: number } | { readonly share: number }

/** The range of a number. Every number has a lower limit. */
export type Range = NumberRange &
  ({ readonly min: number } | { readonly above: number }) & {
    /** The number must be a multiple of this. */
    readonly multipleOf?: number
  }

/**
 * A text. An empty text means that the option is left out, and so do spaces alone. With `canBeSpaces`, spaces are a text
 * like others. With `canBeEmpty`, an empty text is, too.
 */
export function text(spec: TextSpec & Certain<string>): TakenOption<string>
export function text(spec: TextSpec): TakenOption<string | undefined>
export function text({
  canBeEmpty = false,
  canBeSpaces = false,
  ...spec
}: TextSpec & Partial<Certain<string>>): TakenOption<string | undefined> {
  const kind: OptionKind<string> = { arity: "one", valueName: "text", empty: "", read: readText }
  return taken(kind, canBeEmpty ? spec : { ...spec, nothing: [canBeSpaces ? /^$/ : "", ...(spec.nothing ?? [])] })
}

type TextSpec = OptionText & { readonly canBeEmpty?: boolean; readonly canBeSpaces?: boolean }

/** A path of a file. */
export function file(spec: OptionText & Certain<string>): TakenOption<string>
export function file(spec: OptionText): TakenOption<string | undefined>
export function file(spec: OptionText & Partial<Certain<string>>): TakenOption<string | undefined> {
  return text({ valueName: "file", ...spec })
}

/** A path of a folder. */
export function folder(spec: OptionText & Certain<string>): TakenOption<string>
export function folder(spec: OptionText): TakenOption<string | undefined>
export function folder(spec: OptionText & Partial<Certain<string>>): TakenOption<string | undefined> {
  return text({ valueName: "folder", ...spec })
}

type ChoiceSpec = OptionText & {
  /** Why there is no other choice, as a clause without a full stop. */
  readonly because?: string
  readonly ignoreCase?: boolean
}

/** One of some names. */
export function choice<const Name extends string>(
  names: readonly Name[],
  spec: ChoiceSpec & Certain<NotInferred<Name>>,
): TakenOption<Name>
export function choice<const Name extends string>(
  names: readonly Name[],
  spec: ChoiceSpec,
): TakenOption<Name | undefined>
export function choice<const Name extends string>(
  names: readonly Name[],
  { because, ignoreCase = false, ...spec }: ChoiceSpec & Partial<Certain<Name>>,
): TakenOption<Name | undefined> {
  const same = (name: string, text: string): boolean =>
    name === text || (ignoreCase && name.toLowerCase() === text.toLowerCase())
  const list =
    names.length <= 2
      ? listText(
          names.map((name) => `"${name}"`),
          "or",
        )
      : `one of ${names.join(", ")}`
  const expected = because === undefined ? list : `${list}: ${because}`
  const kind: OptionKind<Name | undefined> = {
    arity: "one",
    valueName: "name",
    range: names.join(", "),
    empty: undefined,
    read: (raw) => {
      const value = typeof raw === "string" ? names.find((name) => same(name, raw)) : undefined
      return value === undefined ? { expected } : { value }
    },
  }
  return taken(kind, { ...spec, nothing: ["", ...(spec.nothing ?? [])] })
}

/** Texts with which programs write that a number is left out. An empty text may be a mistake of a script. */
const NO_NUMBER = ["none", "null"]

/** A whole number. */
export function integer(spec: OptionText & Range & Certain<number>): TakenOption<number>
export function integer(spec: OptionText & Range): TakenOption<number | undefined>
export function integer(spec: OptionText & Range & Partial<Certain<number>>): TakenOption<number | undefined> {
  return taken(numberKind({ ...spec, integer: true }), { ...spec, nothing: [...NO_NUMBER, ...(spec.nothing ?? [])] })
}

/** A number with or without decimals. */
export function number(spec: OptionText & Range & Certain<number>): TakenOption<number>
export function number(spec: OptionText & Range): TakenOption<number | undefined>
export function number(spec: OptionText & Range & Partial<Certain<number>>): TakenOption<number | undefined> {
  return taken(numberKind(spec), { ...spec, nothing: [...NO_NUMBER, ...(spec.nothing ?? [])] })
}

/** A seed: 0 to 2^64 - 1. */
export function seed(spec: OptionText & Certain<Seed>): TakenOption<Seed>
export function seed(spec: OptionText): TakenOption<Seed | undefined>
export function seed(spec: OptionText & Partial<Certain<Seed>>): TakenOption<Seed | undefined> {
  const range = "a whole number from 0 to 2^64 - 1"
  const kind: OptionKind<Seed | undefined> = {
    arity: "one",
    valueName: "number",
    range,
    empty: undefined,
    read: (raw) => {
      const value = readSeed(raw)
      if (value !== null) return { value }
      const isNegative = typeof raw !== "object" && /^-\d+$/.test(String(raw))
      return { expected: isNegative ? `${range}. For a random seed, leave it out` : range }
    },
  }
  return taken(kind, { ...spec, nothing: [...NO_NUMBER, ...(spec.nothing ?? [])] })
}

/** Values with which files and scripts leave a flag out. `False` is Python's. */
const NO_FLAG = ["false", "no", 0]

/** True or false. On a command line the name alone means true. */
export function flag(spec: OptionText): TakenOption<boolean> {
  const kind: OptionKind<boolean> = { arity: "none", valueName: "", empty: false, read: readFlag }
  return taken(kind, { ...spec, default: false, nothing: [...NO_FLAG, ...(spec.nothing ?? [])] })
}

/** A list of texts. `arity: "each"` takes one at a time and can be repeated. */
export function texts(spec: OptionText & { readonly arity?: "each" | "many" }): TakenOption<readonly string[]> {
  const { arity = "many", ...rest } = spec
  const kind: OptionKind<readonly string[]> = {
    arity,
    valueName: "text",
    empty: [],
    read: (raw) => readList(raw, readText, "a text, or a list of texts"),
  }
  return taken(kind, { ...rest, default: [] })
}

/** A list of numbers. */
export function numbers(spec: OptionText & Range): TakenOption<readonly number[]> {
  const one = numberKind(spec)
  const kind: OptionKind<readonly number[]> = {
    arity: "many",
    valueName: "number",
    empty: [],
    ...(one.range === undefined ? {} : { range: one.range }),
    read: (raw) => readList(raw, one.read, one.range ?? "numbers"),
  }
  return taken(kind, { ...spec, default: [] })
}

/** A number of steps, a share of them below 1, or a percentage. 0 steps mean that the option is left out. */
export function steps(spec: OptionText): TakenOption<StepCount | undefined> {
  const kind: OptionKind<StepCount | undefined> = {
    arity: "one",
    valueName: "steps",
    range: 'a count, a share such as 0.1, or "10%"',
    empty: undefined,
    read: readSteps,
  }
  return taken(kind, { ...spec, nothing: [0, "", ...NO_NUMBER, ...(spec.nothing ?? [])] })
}

/** Width and height in pixels: `1024`, `768,512`, or in TOML a list of two. */
export function pixels(spec: OptionText & Certain<readonly [number, number]>): TakenOption<readonly [number, number]>
export function pixels(spec: OptionText): TakenOption<readonly [number, number] | undefined>
export function pixels(
  spec: OptionText & Partial<Certain<readonly [number, number]>>,
): TakenOption<readonly [number, number] | undefined> {
  const kind: OptionKind<readonly [number, number]> = {
    arity: "one",
    valueName: "pixels",
    range: "N, or width,height",
    empty: [0, 0],
    read: readPixels,
  }
  return taken(kind, { ...spec, nothing: [...NO_NUMBER, ...(spec.nothing ?? [])] })
}

function numberKind(range: Range): OptionKind<number> {
  const expected = rangeText(range)
  const { multipleOf: step } = range
  return {
    arity: "one",
    valueName: "number",
    range: step === undefined ? expected : `${expected}, a multiple of ${step}`,
    empty: Number.NaN,
    read: (raw) => {
      const value = numberOf(raw)
      if (value === null || !isInRange(value, range)) return { expected }
      if (step === undefined || value % step === 0) return { value }
      return { expected: `a multiple of ${step}. The nearest is ${Math.max(step, Math.round(value / step) * step)}` }
    },
  }
}

/** Decimal digits only: JavaScript reads `0x10` and spaces as numbers, too. */
function numberOf(raw: unknown): number | null {
  if (typeof raw === "number") return raw
  if (typeof raw === "bigint") return Number(raw)
  return typeof raw === "string" && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(raw) ? Number(raw) : null
}

/** A text. TOML may have a number instead, for example as a name. */
function readText(raw: unknown): Reading<string> {
  if (typeof raw === "string") return { value: raw }
  return typeof raw === "number" || typeof raw === "bigint" ? { value: String(raw) } : { expected: "text" }
}

function readFlag(raw: unknown): Reading<boolean> {
  if (typeof raw === "boolean") return { value: raw }
  if (typeof raw === "string" && raw.toLowerCase() === "true") return { value: true }
  return { expected: "true or false" }
}

function readList<T>(raw: unknown, read: (raw: unknown) => Reading<T>, expected: string): Reading<readonly T[]> {
  const values: T[] = []
  const wrong: WrongPart[] = []
  for (const part of Array.isArray(raw) ? raw : [raw]) {
    const reading = read(part)
    if ("value" in reading) values.push(reading.value)
    else wrong.push({ part, expected })
  }
  if (wrong.length === 0) return { value: values }
  return { expected, ...(Array.isArray(raw) ? { parts: wrong } : {}) }
}

/** Source: sd-scripts `int_or_float`. */
function readSteps(raw: unknown): Reading<StepCount> {
  const [, percent] = typeof raw === "string" ? (/^([\d.]+)%$/.exec(raw) ?? []) : []
  const value = numberOf(percent ?? raw)
  if (value !== null && percent !== undefined && value <= 100) return { value: { share: value / 100 } }
  if (value !== null && percent === undefined && Number.isSafeInteger(value) && value >= 0)
    return { value: { steps: value } }
  if (value !== null && percent === undefined && value > 0 && value < 1) return { value: { share: value } }
  return { expected: 'a number of steps, a share of them such as 0.1, or "10%"' }
}

/** Pixels of a picture's longest side, as for pictures that are drawn. */
const LONGEST_SIDE = GENERATE_RANGES.width.max

function readPixels(raw: unknown): Reading<readonly [number, number]> {
  const parts: readonly unknown[] = typeof raw === "string" ? raw.split(",") : Array.isArray(raw) ? raw : [raw]
  const sides = parts.map((part) => numberOf(typeof part === "string" ? part.trim() : part))
  const [width = null, height = width] = sides
  const isSide = (side: number | null): side is number => side !== null && Number.isSafeInteger(side) && side >= 1
  if (sides.some((side) => isSide(side) && side > LONGEST_SIDE)) {
    return { expected: `sides of at most ${LONGEST_SIDE} pixels` }
  }
  if (parts.length <= 2 && isSide(width) && isSide(height)) return { value: [width, height] }
  return { expected: "pixels such as 1024, or a width and a height such as 768,512" }
}
